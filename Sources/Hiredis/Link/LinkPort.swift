import Glibc
import LinuxSupport
import Synchronization

/// What callers and the thread of a link share: messages go in, and whether the link is up comes out.
///
/// The thread is woken once for all that comes while it is busy. When it sleeps and nothing is under way, it offers its
/// socket, and whoever comes first writes a message there: then nobody has to be woken before Redis.
final class LinkPort<Message: Sendable>: Sendable {
  /// A socket on which nothing is under way.
  struct Offer {
    /// The socket; it stays open until the offer is withdrawn.
    let socket: Int32
    /// When the thread wakes up by itself.
    let until: ContinuousClock.Instant
  }

  /// A message that a caller has written to the socket.
  struct SentMessage {
    /// The message.
    let message: Message
    /// How many of its bytes the socket took.
    let count: Int
    /// False when the socket did not take all of it: it is of no use any more.
    let isWhole: Bool
  }

  private struct State {
    var messages: [Message] = []
    var offer: Offer?
    var sent: SentMessage?
    var isWoken = false
    var isClosed = false
  }

  /// Bytes that an idle socket takes at once.
  private static var mostOffered: Int { 16 * 1024 }

  private let state = Mutex(State())
  private let up = Atomic(false)
  private let generations = Atomic(0)
  private let lastFailure = Mutex<LinkFailure?>(nil)

  /// Wakes the thread when there is something to take.
  let waker: Waker

  /// An open port without messages.
  init() {
    do { waker = try Waker() } catch { fatalError("\(error): raise the limit of descriptors (LimitNOFILE)") }
  }

  /// True while Redis is reached.
  var isUp: Bool {
    get { up.load(ordering: .relaxed) }
    set { up.store(newValue, ordering: .relaxed) }
  }

  /// Why the link is down; nil while it is up.
  var failure: LinkFailure? {
    get { lastFailure.withLock { $0 } }
    set { lastFailure.withLock { $0 = newValue } }
  }

  /// How often the link has come up.
  var generation: Int {
    get { generations.load(ordering: .relaxed) }
    set { generations.store(newValue, ordering: .relaxed) }
  }

  /// Hands a message over.
  ///
  /// False once the port is closed: the message was not taken on.
  func post(_ message: Message) -> Bool {
    let (isTaken, mustWake) = state.withLock { state in
      if state.isClosed { return (false, false) }
      // What comes later goes out later.
      state.offer = nil
      state.messages.append(message)
      defer { state.isWoken = true }
      return (true, !state.isWoken)
    }
    if mustWake { waker.wake() }
    return isTaken
  }

  /// The same; the frame, which is the message on the wire, is written at once if a socket is offered.
  ///
  /// The thread is woken when it would oversleep the deadline.
  func post(_ message: Message, frame: [UInt8], deadline: ContinuousClock.Instant) -> Bool {
    let wasSent = state.withLock { state -> Bool in
      guard !state.isClosed, frame.count <= LinkPort.mostOffered, deadline > .now, let offer = state.offer.take()
      else { return false }
      let count = send(offer.socket, frame, frame.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
      guard count > 0 else { return false }
      state.sent = SentMessage(message: message, count: count, isWhole: count == frame.count)
      if count < frame.count || deadline < offer.until { waker.wake() }
      return true
    }
    return wasSent || post(message)
  }

  /// Lets callers write to the socket until `withdraw()`, unless there is something to take.
  func offer(_ offer: Offer) {
    state.withLock { if $0.messages.isEmpty, !$0.isWoken { $0.offer = offer } }
  }

  /// Takes an offer back, and the message that was written meanwhile.
  func withdraw() -> SentMessage? {
    state.withLock { state in
      state.offer = nil
      // The thread is awake and will take what comes.
      state.isWoken = true
      return state.sent.take()
    }
  }

  /// Takes no more messages; those inside can still be taken out.
  func close() {
    state.withLock { $0.isClosed = true }
    waker.wake()
  }

  /// Swaps the messages for the caller's empty array, whose room is used for the next ones.
  ///
  /// - Parameter staysAwake: whether the thread will take once more before it sleeps, so that it need not be woken.
  /// - Returns: false once closed.
  func take(into empty: inout [Message], staysAwake: Bool = false) -> Bool {
    precondition(empty.isEmpty, "messages are taken into an empty array")
    return state.withLock { state in
      swap(&state.messages, &empty)
      state.isWoken = staysAwake
      return !state.isClosed
    }
  }
}

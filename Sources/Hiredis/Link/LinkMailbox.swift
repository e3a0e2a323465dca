import Glibc
import LinuxSupport
import Synchronization

/// The state that callers and the thread of a link share: messages to the thread, and whether the link is up.
///
/// The thread is woken once for all messages that arrive while it is busy. While it sleeps with no command pending, it
/// lends its socket, and the first caller writes its message directly, without waking the thread.
final class LinkMailbox<Message: Sendable>: Sendable {
  /// A socket with no command pending, lent to callers.
  struct IdleSocket {
    /// The socket; it stays open until `reclaim()`.
    let descriptor: Int32
    /// When the thread wakes up at the latest.
    let until: MonotonicInstant
  }

  /// A message that a caller wrote to the lent socket.
  struct SentMessage {
    /// The message.
    let message: Message
    /// How many of its bytes the socket accepted.
    let count: Int
    /// Whether the socket accepted all of it; otherwise the socket must be closed.
    let isWhole: Bool
  }

  private struct State {
    var messages: [Message] = []
    var idleSocket: IdleSocket?
    var sent: SentMessage?
    var isWoken = false
    var isClosed = false
  }

  /// The longest message, in bytes, that an idle socket is sure to accept.
  private static var longestDirectWrite: Int { 16 << 10 }

  private let state = Mutex(State())
  private let up = Atomic(false)
  private let generations = Atomic(0)
  private let lastFailure = Mutex<LinkFailure?>(nil)

  /// Wakes the thread when there are messages.
  let waker: Waker

  /// Creates an open mailbox without messages.
  init() {
    do { waker = try Waker() } catch { fatalError("\(error): raise the limit of descriptors (LimitNOFILE)") }
  }

  /// Whether the link is up.
  var isUp: Bool {
    get { up.load(ordering: .relaxed) }
    set { up.store(newValue, ordering: .relaxed) }
  }

  /// Why the link is down; nil while it is up, and before the first attempt has failed.
  var failure: LinkFailure? {
    get { lastFailure.withLock { $0 } }
    set { lastFailure.withLock { $0 = newValue } }
  }

  /// How many times the link has come up.
  var generation: Int {
    get { generations.load(ordering: .relaxed) }
    set { generations.store(newValue, ordering: .relaxed) }
  }

  /// Passes a message to the thread.
  /// - Returns: false once the mailbox is closed; the message is then discarded.
  func post(_ message: Message) -> Bool {
    let (isAccepted, mustWake) = state.withLock { state in
      if state.isClosed { return (false, false) }
      // Later messages must not overtake this one.
      state.idleSocket = nil
      state.messages.append(message)
      defer { state.isWoken = true }
      return (true, !state.isWoken)
    }
    if mustWake { waker.wake() }
    return isAccepted
  }

  /// Passes a message to the thread, or writes it at once if a socket is lent.
  ///
  /// The thread is woken if it would otherwise sleep past the deadline.
  /// - Parameter frame: the message as bytes for the socket.
  /// - Returns: false once the mailbox is closed; the message is then discarded.
  func post(_ message: Message, frame: [UInt8], deadline: MonotonicInstant) -> Bool {
    let wasSent = state.withLock { state -> Bool in
      guard !state.isClosed, frame.count <= Self.longestDirectWrite, deadline > .now,
        let idle = state.idleSocket.take()
      else { return false }
      let count = send(idle.descriptor, frame, frame.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
      guard count > 0 else { return false }
      state.sent = SentMessage(message: message, count: count, isWhole: count == frame.count)
      if count < frame.count || deadline < idle.until { waker.wake() }
      return true
    }
    return wasSent || post(message)
  }

  /// Lends the socket to callers until `reclaim()`, unless there are messages.
  func lend(_ socket: IdleSocket) {
    state.withLock { if $0.messages.isEmpty, !$0.isWoken { $0.idleSocket = socket } }
  }

  /// Ends the loan of the socket.
  /// - Returns: the message that a caller wrote meanwhile, if any.
  func reclaim() -> SentMessage? {
    state.withLock { state in
      state.idleSocket = nil
      // The thread is awake and will drain the mailbox.
      state.isWoken = true
      return state.sent.take()
    }
  }

  /// Refuses further messages. Those inside can still be drained.
  func close() {
    state.withLock { $0.isClosed = true }
    waker.wake()
  }

  /// Moves the messages into the caller's empty array, and reuses its capacity for the next ones.
  /// - Parameter staysAwake: whether the thread will drain again before it sleeps, so that callers need not wake it.
  /// - Returns: false once closed.
  func drain(into empty: inout [Message], staysAwake: Bool = false) -> Bool {
    precondition(empty.isEmpty, "messages are drained into an empty array")
    return state.withLock { state in
      swap(&state.messages, &empty)
      state.isWoken = staysAwake
      return !state.isClosed
    }
  }
}

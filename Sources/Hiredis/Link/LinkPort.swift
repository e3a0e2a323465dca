import Synchronization

/// What callers and the thread of a link share: messages go in, and whether the link is up comes out.
///
/// The thread is woken once for all that comes while it is busy.
final class LinkPort<Message: Sendable>: Sendable {
  private struct State {
    var messages: [Message] = []
    var isRung = false
    var isClosed = false
  }

  private let state = Mutex(State())
  private let up = Atomic(false)

  /// Rung when there is something to take.
  let doorbell = Doorbell()

  /// An open port without messages.
  init() {}

  /// True while Redis is reached.
  var isUp: Bool {
    get { up.load(ordering: .relaxed) }
    set { up.store(newValue, ordering: .relaxed) }
  }

  /// Hands a message over.
  ///
  /// False once the port is closed: the message was not taken on.
  func post(_ message: Message) -> Bool {
    let (isTaken, mustRing) = state.withLock { state in
      if state.isClosed { return (false, false) }
      state.messages.append(message)
      defer { state.isRung = true }
      return (true, !state.isRung)
    }
    if mustRing { doorbell.ring() }
    return isTaken
  }

  /// Takes no more messages; those inside can still be taken out.
  func close() {
    state.withLock { $0.isClosed = true }
    doorbell.ring()
  }

  /// Swaps the messages for the caller's empty array, whose room is used for the next ones.
  ///
  /// False once closed.
  func take(into empty: inout [Message]) -> Bool {
    precondition(empty.isEmpty, "messages are taken into an empty array")
    return state.withLock { state in
      swap(&state.messages, &empty)
      state.isRung = false
      return !state.isClosed
    }
  }
}

import CCurl
import Synchronization

/// The only door to a client's thread: commands go in from any thread, the client's own takes them out in order.
final class Mailbox: Sendable {
  /// What the thread can be asked to do.
  enum Command: Sendable {
    /// Once for each transfer. One that was cancelled on its way is left out.
    case start(Transfer)
    /// After the pipe refused bytes and its reader has caught up.
    case resume(Transfer)
    /// Closes the connection. The pipe has ended already.
    case abort(Transfer)
  }

  private struct State {
    var commands: [Command] = []
    var isClosed = false
  }

  private let multi: MultiHandle
  private let state = Mutex(State())

  /// A mailbox that wakes the thread out of its wait on `multi`.
  init(waking multi: MultiHandle) { self.multi = multi }

  /// False when the mailbox is closed: the command will not be carried out.
  func post(_ command: Command) -> Bool {
    state.withLock { state in
      guard !state.isClosed else { return false }
      state.commands.append(command)
      if state.commands.count == 1 { wake() }
      return true
    }
  }

  /// Refuses all later commands and tells the thread to end.
  func close() {
    state.withLock { state in
      guard !state.isClosed else { return }
      state.isClosed = true
      wake()
    }
  }

  /// What has come since the last call; after `isClosed` nothing comes any more.
  func take() -> (commands: [Command], isClosed: Bool) {
    state.withLock { state in
      defer { state.commands = [] }
      return (state.commands, state.isClosed)
    }
  }

  /// Called with the lock held and the mailbox open or just closing: so never after the thread has destroyed the
  /// handle, which it does when it has seen the closed mailbox.
  private func wake() { curl_multi_wakeup(multi.pointer) }
}

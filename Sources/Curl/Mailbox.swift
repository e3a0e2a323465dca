import LinuxSupport
import Synchronization

/// Passes commands from any thread to the client's thread, in order.
final class Mailbox: Sendable {
  /// A command to the thread.
  enum Command: Sendable {
    /// Starts a transfer, unless it was cancelled meanwhile. Once per transfer.
    case start(Transfer)
    /// Resumes a transfer whose buffer was full.
    case resume(Transfer)
    /// Aborts a transfer whose response has ended, and closes its connection.
    case abort(Transfer)
  }

  private struct State {
    var commands: [Command] = []
    var isClosed = false
  }

  /// Readable when there is something new. The thread drains it before the mailbox.
  let waker: Waker
  private let state = Mutex(State())

  /// - Parameter waker: wakes the thread.
  init(waker: Waker) { self.waker = waker }

  /// Adds a command.
  /// - Returns: false when the mailbox is closed; the command is then discarded.
  func post(_ command: Command) -> Bool {
    state.withLock { state in
      guard !state.isClosed else { return false }
      state.commands.append(command)
      if state.commands.count == 1 { waker.wake() }
      return true
    }
  }

  /// Refuses all later commands and tells the thread to end.
  func close() {
    state.withLock { state in
      guard !state.isClosed else { return }
      state.isClosed = true
      waker.wake()
    }
  }

  /// Removes the commands since the last call; after `isClosed` there are no more.
  func drain() -> (commands: [Command], isClosed: Bool) {
    state.withLock { state in
      defer { state.commands = [] }
      return (state.commands, state.isClosed)
    }
  }
}

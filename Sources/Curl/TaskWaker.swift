import Synchronization

/// Wakes one waiting task. A wake-up without a waiter is kept for the next `wait()`; several are kept as one.
///
/// Spurious wake-ups are harmless: the waiter re-checks its condition.
final class TaskWaker: Sendable {
  private enum State {
    case idle, woken
    case awaited(CheckedContinuation<Void, Never>)
  }

  private let state = Mutex(State.idle)

  /// Wakes the waiting task. Any thread may call it.
  func wake() {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      if case .awaited(let waiter) = state {
        state = .idle
        return waiter
      }
      state = .woken
      return nil
    }
    waiter?.resume()
  }

  /// Waits for a wake-up. Ignores cancellation: a cancellation handler must call `wake()`.
  func wait() async {
    await withCheckedContinuation { continuation in
      let isWoken = state.withLock { state in
        switch state {
        case .woken:
          state = .idle
          return true
        case .idle:
          state = .awaited(continuation)
          return false
        case .awaited: preconditionFailure("a response is read by one task at a time")
        }
      }
      if isWoken { continuation.resume() }
    }
  }
}

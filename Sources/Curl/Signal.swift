import Synchronization

/// Wakes one waiting task. A signal raised while nobody waits is kept for the next wait; several are kept as one.
///
/// Who waits looks again at what it waits for, so a signal too many is harmless.
final class Signal: Sendable {
  private enum State {
    case idle, raised
    case awaited(CheckedContinuation<Void, Never>)
  }

  private let state = Mutex(State.idle)

  /// May be called from any thread.
  func raise() {
    let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
      if case .awaited(let waiter) = state {
        state = .idle
        return waiter
      }
      state = .raised
      return nil
    }
    waiter?.resume()
  }

  /// Returns at the next signal. It does not watch for cancellation: who cancels must raise the signal.
  func wait() async {
    await withCheckedContinuation { continuation in
      let isRaised = state.withLock { state in
        switch state {
        case .raised:
          state = .idle
          return true
        case .idle:
          state = .awaited(continuation)
          return false
        case .awaited: preconditionFailure("a response is read by one task at a time")
        }
      }
      if isRaised { continuation.resume() }
    }
  }
}

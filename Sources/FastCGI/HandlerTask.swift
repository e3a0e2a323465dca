import Synchronization

/// A handle to cancel the task that answers a request when its client disconnects.
///
/// It is created before the task, so that the connection table holds it before the task can end.
final class HandlerTask: Sendable {
  private enum State {
    case notStarted
    case running(Task<Void, Never>)
    case cancelled
  }

  private let state = Mutex(State.notStarted)

  /// Sets the task; cancels it at once if `cancel()` was called before.
  func started(_ task: Task<Void, Never>) {
    let isCancelled = state.withLock { state in
      if case .cancelled = state { return true }
      state = .running(task)
      return false
    }
    if isCancelled { task.cancel() }
  }

  /// Cancels the task, now or once it is set.
  func cancel() {
    let task = state.withLock { state -> Task<Void, Never>? in
      defer { state = .cancelled }
      if case .running(let task) = state { return task }
      return nil
    }
    task?.cancel()
  }
}

import Synchronization

/// The task that answers one request, for whoever notices that its client has gone.
///
/// It exists before its task, so that the connection table can hold it before the task can end.
final class HandlerTask: Sendable {
  private enum State {
    case notStarted
    case running(Task<Void, Never>)
    case cancelled
  }

  private let state = Mutex(State.notStarted)

  /// Notes the task; cancels it at once if that was asked for meanwhile.
  func started(_ task: Task<Void, Never>) {
    let isCancelled = state.withLock { state in
      if case .cancelled = state { return true }
      state = .running(task)
      return false
    }
    if isCancelled { task.cancel() }
  }

  /// Cancels the task, now or as soon as it is known.
  func cancel() {
    let task = state.withLock { state -> Task<Void, Never>? in
      defer { state = .cancelled }
      if case .running(let task) = state { return task }
      return nil
    }
    task?.cancel()
  }
}

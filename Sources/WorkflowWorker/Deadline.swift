import Synchronization

/// Runs a body that may take only so long. A body that takes longer is cancelled and not waited for; when the current
/// task is cancelled, the body is cancelled and waited for.
/// - Returns: what the body returned; nil when the time was over first.
func withDeadline<Value: Sendable>(
  _ duration: Duration, _ body: @escaping @Sendable () async -> Value
) async -> Value? {
  let race = Race<Value>()
  let work = Task { race.end(with: await body()) }
  let timer = Task {
    guard (try? await Task.sleep(for: duration)) != nil else { return }
    race.end(with: nil)
    work.cancel()
  }
  defer { timer.cancel() }
  return await withTaskCancellationHandler {
    await withCheckedContinuation { race.wait($0) }
  } onCancel: {
    work.cancel()
  }
}

/// The first of two ends counts.
private final class Race<Value: Sendable>: Sendable {
  private enum State {
    case running
    case waiting(CheckedContinuation<Value?, Never>)
    case ended(Value?)
  }

  private let state = Mutex(State.running)

  func wait(_ continuation: CheckedContinuation<Value?, Never>) {
    let end = state.withLock { state -> Value?? in
      if case .ended(let value) = state { return .some(value) }
      state = .waiting(continuation)
      return nil
    }
    if let end { continuation.resume(returning: end) }
  }

  func end(with value: Value?) {
    let continuation = state.withLock { state -> CheckedContinuation<Value?, Never>? in
      guard case .ended = state else {
        defer { state = .ended(value) }
        if case .waiting(let continuation) = state { return continuation }
        return nil
      }
      return nil
    }
    continuation?.resume(returning: value)
  }
}

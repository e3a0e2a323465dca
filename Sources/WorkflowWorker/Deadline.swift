import Synchronization

/// How long a body that is cancelled at its deadline may take to end.
private let graceTime = Duration.seconds(1)

/// Runs a body that may take only so long. A body that takes longer is cancelled; one that does not end within another
/// second is not waited for. When the current task is cancelled, the body is cancelled and waited for.
/// - Returns: what the body returned; nil when the time was over first.
func withDeadline<Value: Sendable>(
  _ duration: Duration, _ body: @escaping @Sendable () async -> Value
) async -> Value? {
  let race = Race<Value>()
  let work = Task { race.end(with: await body()) }
  let timer = Task {
    guard (try? await Task.sleep(for: duration)) != nil, race.noteDeadline() else { return }
    work.cancel()
    try? await Task.sleep(for: graceTime)
    race.abandon()
  }
  defer { timer.cancel() }
  return await withTaskCancellationHandler {
    await withCheckedContinuation { race.wait($0) }
  } onCancel: {
    work.cancel()
  }
}

/// The first of two ends counts: the body's, or that of its time.
private final class Race<Value: Sendable>: Sendable {
  private struct State {
    var continuation: CheckedContinuation<Value?, Never>?
    var isLate = false
    /// What the body returned, or that nothing counts any more.
    var end: Value??
  }

  private let state = Mutex(State())

  func wait(_ continuation: CheckedContinuation<Value?, Never>) {
    let end = state.withLock { state -> Value?? in
      if state.end == nil { state.continuation = continuation }
      return state.end
    }
    if let end { continuation.resume(returning: end) }
  }

  /// - Returns: false when the body has ended.
  func noteDeadline() -> Bool {
    state.withLock { state in
      state.isLate = state.end == nil
      return state.isLate
    }
  }

  /// A body that ends after its time returns nothing.
  func end(with value: Value) { finish { $0.isLate ? nil : value } }

  func abandon() { finish { _ in nil } }

  private func finish(_ value: (State) -> Value?) {
    let (continuation, end) = state.withLock { state -> (CheckedContinuation<Value?, Never>?, Value?) in
      guard state.end == nil else { return (nil, nil) }
      let end = value(state)
      state.end = .some(end)
      return (state.continuation, end)
    }
    continuation?.resume(returning: end)
  }
}

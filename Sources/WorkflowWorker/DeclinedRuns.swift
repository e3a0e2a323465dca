import WorkflowStore

/// Decides how long a worker pauses its claims when the queue holds runs that it cannot execute.
///
/// Such a run returns to the tail of the queue, so the worker meets it again after it has gone through the whole queue. It
/// then pauses for at least a second, and for fifty times as long as the whole queue took: such runs take little of Redis's
/// time however many they are, and other runs are claimed within seconds.
struct DeclinedRuns {
  /// The runs declined since the last pause; other workers may have claimed them since.
  private var seen: Set<JobID> = []
  private var start: ContinuousClock.Instant?
  /// When claims continue.
  private(set) var pausedUntil: ContinuousClock.Instant?

  private static let shortestPause = Duration.seconds(1)
  private static let longestPause = Duration.seconds(30)
  private static let mostSeen = 100_000

  /// Adds the runs of a claim that the worker declined; starts a pause if one of them was declined before.
  mutating func note(_ ids: [JobID], at now: ContinuousClock.Instant) {
    if ids.isEmpty { return }
    let start = start ?? now
    guard ids.contains(where: seen.contains) || seen.count > Self.mostSeen else {
      self.start = start
      seen.formUnion(ids)
      return
    }
    let pause = min(max((now - start) * 50, Self.shortestPause), Self.longestPause)
    pausedUntil = now + pause
    self.start = nil
    seen = []
  }

  /// Whether claims are paused.
  func isPaused(at now: ContinuousClock.Instant) -> Bool { pausedUntil.map { now < $0 } ?? false }
}

import WorkflowStore

/// Decides when to look at a queue again that holds runs which this worker cannot execute.
///
/// Such a run returns to the tail of the queue, so the worker meets it again once it has seen the whole queue. Then it
/// pauses, at least a second and fifty times as long as the whole queue took: however many such runs there are, they take
/// little of Redis's time, and other runs are claimed within seconds.
struct DeclinedRuns {
  /// The runs declined since the last pause, which may be other workers' by now.
  private var seen: Set<JobID> = []
  private var start: ContinuousClock.Instant?
  /// Until when nothing is claimed.
  private(set) var pausedUntil: ContinuousClock.Instant?

  private static let shortestPause = Duration.seconds(1)
  private static let longestPause = Duration.seconds(30)
  private static let mostSeen = 100_000

  /// Takes note of what a claim brought and the worker declined.
  mutating func note(_ ids: [JobID], at now: ContinuousClock.Instant) {
    if ids.isEmpty { return }
    let start = start ?? now
    guard ids.contains(where: seen.contains) || seen.count > DeclinedRuns.mostSeen else {
      self.start = start
      seen.formUnion(ids)
      return
    }
    let pause = min(max((now - start) * 50, DeclinedRuns.shortestPause), DeclinedRuns.longestPause)
    pausedUntil = now + pause
    self.start = nil
    seen = []
  }

  /// Whether nothing is claimed now.
  func isPaused(at now: ContinuousClock.Instant) -> Bool { pausedUntil.map { now < $0 } ?? false }
}

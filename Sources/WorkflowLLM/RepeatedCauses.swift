import Synchronization

/// Admits a line of a log once a minute for each cause, and counts those in between.
package final class RepeatedCauses<Cause: Hashable & Sendable>: Sendable {
  private struct Line {
    var at: ContinuousClock.Instant
    var suppressed = 0
  }

  private let now: @Sendable () -> ContinuousClock.Instant
  private let logged = Mutex<[Cause: Line]>([:])

  /// How long a cause is silent after a line.
  private var interval: Duration { .seconds(60) }
  /// How many causes are tracked; the lines of further ones are not limited.
  private var mostCauses: Int { 256 }

  /// - Parameter now: the clock, for tests.
  package init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

  /// How many lines of the same cause were suppressed since the last one; nil to suppress this one too.
  package func admit(_ cause: Cause) -> Int? {
    logged.withLock { logged in
      let now = now()
      if let last = logged[cause], now - last.at < interval {
        logged[cause]?.suppressed += 1
        return nil
      }
      if logged.count >= mostCauses { logged = logged.filter { now - $0.value.at < interval } }
      let suppressed = logged[cause]?.suppressed ?? 0
      if logged.count < mostCauses || logged[cause] != nil { logged[cause] = Line(at: now) }
      return suppressed
    }
  }
}

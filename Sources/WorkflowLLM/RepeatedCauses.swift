import Synchronization

/// Admits a line of a log once a minute for each cause, and counts those in between.
package final class RepeatedCauses<Cause: Hashable & Sendable>: Sendable {
  private struct Told {
    var at: ContinuousClock.Instant
    var suppressed = 0
  }

  private let now: @Sendable () -> ContinuousClock.Instant
  private let told = Mutex<[Cause: Told]>([:])

  /// How long a cause is silent after a line.
  private var interval: Duration { .seconds(60) }
  /// How many causes are tracked; the lines of further ones are not limited.
  private var mostCauses: Int { 256 }

  /// - Parameter now: the clock, for tests.
  package init(now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) { self.now = now }

  /// How many lines of the same cause were suppressed since the last one; nil to suppress this one too.
  package func admit(_ cause: Cause) -> Int? {
    told.withLock { told in
      let now = now()
      if let last = told[cause], now - last.at < interval {
        told[cause]?.suppressed += 1
        return nil
      }
      if told.count >= mostCauses { told = told.filter { now - $0.value.at < interval } }
      let suppressed = told[cause]?.suppressed ?? 0
      if told.count < mostCauses || told[cause] != nil { told[cause] = Told(at: now) }
      return suppressed
    }
  }
}

import RedisFixture
import Synchronization

/// Redis's wall clock: its steps, and how far it is from this host's at a time.
final class ClockSteps: Sendable {
  private struct Step {
    let time: Double
    /// From then on, in seconds.
    let offset: Double
    /// The runs that had not ended; nil when Redis did not say.
    let live: Set<String>?
  }

  /// What Redis is started with.
  let clock = FakeClock()
  private let steps = Mutex<[Step]>([])

  /// Steps Redis's clock.
  /// - Parameter live: the runs that have not ended; nil when Redis does not say.
  func step(by seconds: Int, live: Set<String>?) {
    steps.withLock { steps in
      let offset = (steps.last?.offset ?? 0) + Double(seconds)
      steps.append(Step(time: WallClock.now, offset: offset, live: live))
      clock.set(.seconds(offset))
    }
  }

  /// What Redis's clock showed at a time of this host's, in seconds since 1970.
  func redis(at time: Double) -> Double {
    time + (steps.withLock { $0.last { $0.time <= time }?.offset } ?? 0)
  }

  /// Whether the clock stepped between two times.
  func hasStep(from start: Double, to end: Double) -> Bool {
    steps.withLock { $0.contains { $0.time >= start && $0.time <= end } }
  }

  /// Whether the clock stepped while a run was live. The times of its log are not those of one clock then: no entry
  /// gets an earlier time than the entry before it.
  func hasStep(during run: Ledger.Accepted, _ steerings: [Steering]) -> Bool {
    steps.withLock { steps in
      steps.contains { step in
        guard run.since <= step.time + 2, let live = step.live else { return run.since <= step.time + 2 }
        return live.contains(run.id) || run.time >= step.time - 10
          || steerings.contains { $0.verb.reopens && $0.mayActAfter(step.time - 2) }
      }
    }
  }
}

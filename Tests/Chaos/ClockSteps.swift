import RedisFixture
import Synchronization

/// Redis's wall clock: its steps, and how far it is from this host's at a time.
final class ClockSteps: Sendable {
  private struct Step {
    let time: Double
    /// From then on, in seconds.
    let offset: Double
  }

  /// What Redis is started with.
  let clock = FakeClock()
  private let steps = Mutex<[Step]>([])

  /// Steps Redis's clock.
  func step(by seconds: Int) {
    steps.withLock { steps in
      let offset = (steps.last?.offset ?? 0) + Double(seconds)
      steps.append(Step(time: WallClock.now, offset: offset))
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
}

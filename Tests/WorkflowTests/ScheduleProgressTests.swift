import Scheduling
import Testing

@testable import Workflow

/// Which ticks are fired, and when a schedule is due next, by policy and clock.
@Suite struct ScheduleProgressTests {
  typealias Due = ScheduleProgress.Due

  private func every(_ seconds: Int, _ missed: MissedPolicy = .once) throws -> ScheduleProgress {
    ScheduleProgress(try Schedule(every: seconds, from: 0), missed: missed)
  }

  /// Recorded time, now, policy; ticks, how many are left out, next.
  private static let cases: [(Int, Int, MissedPolicy, [Int], Int, Int)] = [
    // In time, and with a delay that does not count.
    (600, 600, .skip, [600], 0, 900), (600, 660, .skip, [600], 0, 900), (600, 600, .once, [600], 0, 900),
    (600, 899, .once, [600], 0, 900), (600, 600, .all, [600], 0, 900),
    // Later than the grace.
    (600, 661, .skip, [], 1, 900), (600, 661, .once, [600], 0, 900), (600, 661, .all, [600], 0, 900),
    // Others have become due meanwhile.
    (600, 1_510, .skip, [1_500], 3, 1_800), (600, 1_799, .skip, [], 4, 1_800), (600, 1_799, .once, [1_500], 3, 1_800),
    (600, 1_799, .all, [600, 900, 1_200, 1_500], 0, 1_800),
    // The recorded time is none of the times any more: the data of its zone have changed.
    (601, 700, .once, [601], 0, 900), (601, 950, .once, [900], 1, 1_200), (601, 950, .all, [601, 900], 0, 1_200),
  ]

  @Test(arguments: cases.indices)
  func `Ticks are fired by the policy for missed ones`(_ index: Int) throws {
    let (recorded, now, missed, ticks, left, next) = Self.cases[index]
    #expect(
      try every(300, missed).due(from: recorded, now: now) == Due(ticks: ticks, left: left, next: next))
  }

  @Test func `Of more than 1,000 missed ticks the latest are fired, and years of them take no time`() throws {
    let all = try every(60, .all).due(from: 60, now: 60 * 1_500)
    #expect(all.ticks == (501...1_500).map { $0 * 60 } && all.left == 500 && all.next == 60 * 1_501)
    let thousand = try every(60, .all).due(from: 60, now: 60 * 1_000)
    #expect(thousand.ticks.count == 1_000 && thousand.ticks.first == 60 && thousand.left == 0)
    let second = try every(60, .all).due(from: 60, now: 60 * 1_001)
    #expect(second.ticks.count == 1_000 && second.ticks.first == 120 && second.left == 1)
    let years = ScheduleProgress(
      Schedule(accepted: try CronExpression("* * * * *"), in: .utc), missed: .once)
    #expect(years.due(from: 60, now: 1_795_997_225) == Due(ticks: [1_795_997_220], left: 1_000, next: 1_795_997_280))
  }

  /// Now, the ticks that were fired last, and when a schedule of every 300 s is due next.
  private static let clocks: [(Int, [Int], Int)] = [
    (1_000, [], 1_200), (1_000, [600, 900], 1_200), (1_200, [900, 1_200], 1_500),
    // A small step back: what was fired is not due again.
    (1_199, [900, 1_200], 1_500), (899, [600, 900, 1_200], 1_500),
    // The clock was ahead for a while: what was left out then is due.
    (950, [600, 900, 90_000], 1_200), (89_800, [600, 900, 90_000], 90_300),
    // Further back than is remembered: after the last one.
    (500, [600, 900, 1_200], 1_500),
    // Years back: as if nothing had been fired.
    (500, [900_000_000, 900_000_300], 600),
  ]

  @Test(arguments: clocks.indices)
  func `A step of the clock fires no tick again, and stalls nothing forever`(_ index: Int) throws {
    let (now, fired, next) = Self.clocks[index]
    #expect(try every(300).next(after: now, fired: fired) == next)
  }
}

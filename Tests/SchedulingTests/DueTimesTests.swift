import Scheduling
import SeededRandom
import Testing

/// The times of a stretch that lies behind: they are those that are found by going through all of it.
@Suite struct DueTimesTests {
  private func check(_ schedule: Schedule, after start: Int, upTo end: Int) {
    let all = schedule.times(after: start, upTo: end, atMost: .max)
    #expect(schedule.latest(from: start + 1, upTo: end) == all.last)
    for count in [1, 2, 7, all.count, all.count + 1] where count > 0 {
      #expect(schedule.lastTimes(after: start, upTo: end, atMost: count) == Array(all.suffix(count)))
      #expect(schedule.times(after: start, upTo: end, atMost: count) == Array(all.prefix(count)))
    }
  }

  @Test func `Random expressions have their last times in a stretch with a change of the clocks`() async throws {
    var generator = SeededGenerator(seed: 7)
    let start = try instant("2027-10-30T20:00:00")
    for _ in 0..<60 {
      // Other tests wait for this thread.
      await Task.yield()
      let expression = try CronExpression(RandomExpression(&generator).text)
      let schedule = Schedule(accepted: expression, in: try Zones.zone("Europe/Berlin"))
      check(schedule, after: start, upTo: start + Int.random(in: 0..<200_000, using: &generator))
    }
  }

  @Test func `An interval has its last times`() throws {
    let schedule = try Schedule(every: 7, from: 1_000)
    for end in [0, 998, 999, 1_000, 1_001, 1_006, 1_007, 1_700] { check(schedule, after: 993, upTo: end) }
    #expect(schedule.latest(from: 0, upTo: 4_000_000_000) == 1_000 + (4_000_000_000 - 1_000) / 7 * 7)
  }
}

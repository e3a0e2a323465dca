import Glibc
import Scheduling
import SeededRandom
import Testing

/// Random expressions, in all zones with changes of different kinds, against a walk through all minutes.
@Suite
struct RandomScheduleTests {
  private static let zones = [
    "UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Santiago", "Asia/Beirut",
    "Australia/Lord_Howe", "Africa/Casablanca",
  ]

  /// 250 expressions in each of eight zones, each twice in three days around a change of the clocks or elsewhere.
  @Test(arguments: zones)
  func `Expressions are due as a walk through all minutes finds them`(name: String) async throws {
    let zone = try Zones.zone(name)
    var generator = SeededGenerator(seed: UInt64(name.utf8.count))
    let changes = try changes(of: zone)
    let expressions = (0..<250).map { _ in RandomExpression(&generator) }
    let first = try instant("2020-01-01T00:00:00"), last = try instant("2040-01-01T00:00:00")
    var found = 0
    for round in 0..<8 {
      // Other tests wait for this thread.
      await Task.yield()
      let near = changes.randomElement(using: &generator).map {
        $0 - Int.random(in: 86_400..<172_800, using: &generator)
      }
      let any = Int.random(in: first..<last, using: &generator)
      let start = round % 4 == 3 ? any : near ?? any
      let minutes = MinuteWalk(zone, from: start, to: start + 3 * 86_400)
      for expression in expressions where (expression.position + round) % 4 == 0 {
        found += try compare(expression, zone, minutes)
      }
    }
    #expect(found > 3_000)
  }

  /// How many expressions in each zone are compared in all minutes of 2020 to 2039. A hundred take some minutes of a
  /// release build.
  private static let thorough = getenv("TEST_ALL_MINUTES").flatMap { Int(String(cString: $0)) } ?? 0

  @Test(.enabled(if: thorough > 0), arguments: zones)
  func `Expressions are due as a walk through twenty years finds them`(name: String) throws {
    let zone = try Zones.zone(name)
    var generator = SeededGenerator(seed: UInt64(name.utf8.count) + 100)
    let expressions = (0..<RandomScheduleTests.thorough).map { _ in RandomExpression(&generator) }
    let first = try instant("2020-01-01T00:00:00"), last = try instant("2040-01-01T00:00:00")
    var found = 0
    // By 30 days, as the readings of twenty years take a gigabyte.
    for start in stride(from: first, to: last, by: 30 * 86_400) {
      let minutes = MinuteWalk(zone, from: start, to: min(start + 30 * 86_400, last))
      for expression in expressions { found += try compare(expression, zone, minutes) }
    }
    #expect(found > 0)
  }

  private func compare(
    _ expression: RandomExpression, _ zone: TimeZoneData, _ minutes: MinuteWalk
  ) throws -> Int {
    let due = minutes.due(expression)
    let parsed = try CronExpression(expression.text)
    #expect(parsed.followsRealTime == expression.followsRealTime)
    // An expression that is never due cannot be asked; the walk must not have found it either.
    guard let schedule = try? Schedule(parsed, in: zone, from: minutes.start) else {
      #expect(due.isEmpty, "\(expression.text) in \(zone.name)")
      return 0
    }
    var times: [Int] = []
    while let next = schedule.next(after: times.last ?? minutes.start - 1), next < minutes.end { times.append(next) }
    if times != due {
      let difference = times.difference(from: due).map { "\($0)" }.prefix(5)
      Issue.record("\(expression.text) in \(zone.name) from \(minutes.start): \(difference)")
    }
    // Asked at any instant, also while clocks repeat an hour.
    let interval = 30_060
    let probes = stride(from: minutes.start + expression.position * 60 % interval, to: minutes.end, by: interval)
    for instant in probes {
      let next = schedule.next(after: instant)
      if let expected = due.first(where: { $0 > instant }) {
        #expect(next == expected, "\(expression.text) in \(zone.name) after \(instant)")
      } else {
        #expect(next ?? .max >= minutes.end, "\(expression.text) in \(zone.name) after \(instant)")
      }
    }
    return due.count
  }

  /// The days from 2020 to 2039, by their first instants in UTC, before which the offset has changed within a day.
  private func changes(of zone: TimeZoneData) throws -> [Int] {
    let days = stride(from: try instant("2020-01-01T00:00:00"), to: try instant("2040-01-01T00:00:00"), by: 86_400)
    return days.filter { zone.offset(at: $0) != zone.offset(at: $0 - 86_400) }
  }
}

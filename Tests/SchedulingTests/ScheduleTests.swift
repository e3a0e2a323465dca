import Scheduling
import Testing

@Suite
struct ScheduleTests {
  @Test(arguments: ["0 2 30 2 *", "0 0 31 2,4,6,9,11 *", "* * 31 4 *", "*/5 * 30-31 2 */7"])
  func `An expression that is never due is refused`(text: String) throws {
    let now = try instant("2026-11-29T12:00:00")
    for name in ["UTC", "Europe/Berlin", "Africa/Casablanca"] {
      let zone = try Zones.zone(name)
      let expression = try CronExpression(text)
      #expect(throws: ScheduleError.neverDue(expression.text)) { try Schedule(expression, in: zone, from: now) }
    }
    #expect(ScheduleError.neverDue(text).description == "The schedule \(text) has no time in the next ten years.")
  }

  @Test func `An expression that is first due in more than ten years is refused until then`() throws {
    // 29 February is a Sunday in 2032 and in 2060.
    let expression = try CronExpression("0 0 29 2 */7")
    #expect(throws: ScheduleError.neverDue("0 0 29 2 */7")) {
      try Schedule(expression, from: instant("2032-02-29T00:00:00"))
    }
    let schedule = try Schedule(expression, from: instant("2026-11-29T12:00:00"))
    #expect(
      schedule.next(3, after: try instant("2026-11-29T12:00:00")).map(TimeZoneData.utc.text) == [
        "2032-02-29T00:00:00+00:00", "2060-02-29T00:00:00+00:00", "2088-02-29T00:00:00+00:00",
      ])
    // The longest of all waits: over 2100, which has no 29 February.
    #expect(schedule.next(after: try instant("2088-02-29T00:00:00")) == (try instant("2128-02-29T00:00:00")))
  }

  @Test func `29 February is due every four years, and over 2100 after eight`() throws {
    for zone in ["UTC", "Europe/Berlin"] {
      let found = try times("30 12 29 2 *", Zones.zone(zone), after: "2090-01-01T00:00:00", 4)
      #expect(found.map { $0.prefix(10) } == ["2092-02-29", "2096-02-29", "2104-02-29", "2108-02-29"])
    }
    let start = try instant("2096-02-29T12:30:00")
    #expect(
      try Schedule(CronExpression("30 12 29 2 *"), from: start).next(after: start) == instant("2104-02-29T12:30:00"))
  }

  @Test(arguments: [
    ("0 * * * *", "2026-11-29T12:00:00", "2026-11-29T13:00:00"),
    ("0 * * * *", "2026-11-29T11:59:59", "2026-11-29T12:00:00"),
    ("* * * * *", "2026-11-29T12:00:01", "2026-11-29T12:01:00"),
    ("59 23 31 12 *", "2026-12-31T23:59:00", "2027-12-31T23:59:00"),
    ("0 0 1 1 *", "2026-12-31T23:59:59", "2027-01-01T00:00:00"),
    ("15 10 * * *", "2026-11-29T10:14:30", "2026-11-29T10:15:00"),
    ("15 10 * * *", "2026-11-29T10:15:00", "2026-11-30T10:15:00"),
    ("0 0 31 * *", "2026-11-29T12:00:00", "2026-12-31T00:00:00"),
    ("0 0 1 3 *", "1899-12-31T00:00:00", "1900-03-01T00:00:00"),
    ("0 0 29 2 *", "1896-03-01T00:00:00", "1904-02-29T00:00:00"),
  ])
  func `The next time is after the instant, and the first that matches`(
    expression: String, after: String, next: String
  ) throws {
    let found = try times(expression, .utc, after: after, 1)
    #expect(found == ["\(next)+00:00"])
  }

  @Test func `An interval begins at its anchor`() throws {
    let anchor = try instant("2026-11-29T12:00:10")
    let schedule = try Schedule(every: 90, from: anchor)
    #expect(schedule.next(after: .min) == anchor)
    #expect(schedule.next(after: anchor - 1) == anchor)
    #expect(schedule.next(3, after: anchor) == [anchor + 90, anchor + 180, anchor + 270])
    #expect(schedule.next(after: anchor + 89) == anchor + 90)
    #expect(schedule.next(after: anchor + 90 * 1_000_000_007) == anchor + 90 * 1_000_000_008)
  }

  @Test(arguments: [0, -1, .min, .max, Schedule.horizon + 1])
  func `An interval that is too short or too long is refused`(seconds: Int) throws {
    #expect(throws: ScheduleError.interval(seconds)) { try Schedule(every: seconds, from: 0) }
    #expect(
      ScheduleError.interval(seconds).description == "An interval is 1 to 315619200 seconds, not \(seconds).")
  }

  @Test(arguments: [Int.min, .max, 253_402_300_800])
  func `An anchor outside the years 1 to 9999 is refused`(anchor: Int) throws {
    #expect(throws: ScheduleError.anchor(anchor)) { try Schedule(every: 60, from: anchor) }
    #expect(ScheduleError.anchor(anchor).description.hasSuffix("not \(anchor) seconds after 1970."))
  }

  @Test(arguments: ["UTC", "Europe/Berlin", "America/Santiago", "Africa/Casablanca"])
  func `Instants outside the years 1 to 9999 are no traps`(name: String) throws {
    let zone = try Zones.zone(name)
    for text in ["* * * * *", "0 2 * * *"] {
      let schedule = try Schedule(CronExpression(text), in: zone, from: 0)
      #expect(schedule.next(after: .max) == nil)
      #expect(schedule.next(after: 253_402_300_799) == nil)
      #expect(try #require(schedule.next(after: .min)) < -62_135_000_000)
      #expect(throws: ScheduleError.neverDue(text)) { try Schedule(CronExpression(text), in: zone, from: .max) }
      _ = try Schedule(CronExpression(text), in: zone, from: .min)
    }
    for instant in [Int.min, .max, -62_135_596_800, 253_402_300_799] {
      #expect(zone.text(of: instant).utf8.count >= 25)
      #expect(zone.instants(of: LocalTime(seconds: instant)).count <= 1)
      _ = zone.firstInstant(atOrAfter: LocalTime(seconds: instant))
      _ = zone.local(at: instant)
    }
  }
}

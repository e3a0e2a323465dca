import Scheduling
import Testing

/// Expressions of which some times are left out or come twice when clocks are changed.
@Suite
struct ClockChangeTests {
  /// Expects all times of an expression between two instants in UTC.
  private func expect(
    _ expression: String, _ zone: String, from start: String, to end: String, _ expected: [String],
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    let zone = try Zones.zone(zone)
    let (start, end) = (try instant(start), try instant(end))
    let schedule = try Schedule(CronExpression(expression), in: zone, from: start - 1)
    let found = schedule.next(expected.count + 10, after: start - 1).prefix { $0 < end }
    #expect(found.map(zone.text) == expected, sourceLocation: location)
  }

  @Test(
    arguments: [
      ("30 2 * * *", ["03:00+02"]), ("0,30 2 * * *", ["03:00+02"]), ("0-59 2 * * *", ["03:00+02"]),
      ("0,30 2-3 * * *", ["03:00+02", "03:30+02"]), ("0 1-3 * * *", ["01:00+01", "03:00+02"]),
      ("30 2 28 3 *", ["03:00+02"]), ("*/30 2 * * *", []), ("30 */2 * * *", ["00:30+01", "04:30+02"]),
      ("0 * * * *", ["00:00+01", "01:00+01", "03:00+02", "04:00+02"]),
    ] as [(String, [String])])
  func `A fixed time that is left out is due once, after the gap; others follow real time`(
    expression: String, expected: [String]
  ) throws {
    try expect(
      expression, "Europe/Berlin", from: "2027-03-27T23:00:00", to: "2027-03-28T03:00:00",
      expected.map { "2027-03-28T\($0.prefix(5)):00\($0.suffix(3)):00" })
  }

  @Test(
    arguments: [
      ("30 2 * * *", ["02:30+02"]), ("0,30 2 * * *", ["02:00+02", "02:30+02"]),
      ("*/30 2 * * *", ["02:00+02", "02:30+02", "02:00+01", "02:30+01"]),
      ("0 1-4 * * *", ["01:00+02", "02:00+02", "03:00+01", "04:00+01"]), ("0 3 * * *", ["03:00+01"]),
      ("0 * * * *", ["00:00+02", "01:00+02", "02:00+02", "02:00+01", "03:00+01", "04:00+01"]),
      ("59 1,2 * * *", ["01:59+02", "02:59+02"]),
    ] as [(String, [String])])
  func `A fixed time that comes twice is due at the first; others follow real time`(
    expression: String, expected: [String]
  ) throws {
    try expect(
      expression, "Europe/Berlin", from: "2027-10-30T22:00:00", to: "2027-10-31T04:00:00",
      expected.map { "2027-10-31T\($0.prefix(5)):00\($0.suffix(3)):00" })
  }

  @Test func `Asked while an hour is repeated, what was due before is not due again`() throws {
    // 02:15 for the second time.
    let berlin = try Zones.zone("Europe/Berlin")
    #expect(try times("30 2 * * *", berlin, after: "2027-10-31T01:15:00", 1) == ["2027-11-01T02:30:00+01:00"])
    #expect(try times("30 2,3 * * *", berlin, after: "2027-10-31T01:15:00", 1) == ["2027-10-31T03:30:00+01:00"])
    #expect(try times("*/30 2 * * *", berlin, after: "2027-10-31T01:15:00", 1) == ["2027-10-31T02:30:00+01:00"])
  }

  @Test func `The days around a change are due at their own time`() throws {
    try expect(
      "30 2 * * *", "Europe/Berlin", from: "2027-03-27T00:00:00", to: "2027-03-31T00:00:00",
      [
        "2027-03-27T02:30:00+01:00", "2027-03-28T03:00:00+02:00", "2027-03-29T02:30:00+02:00",
        "2027-03-30T02:30:00+02:00",
      ])
    try expect(
      "30 2 * * *", "Europe/Berlin", from: "2027-10-30T00:00:00", to: "2027-11-02T00:00:00",
      ["2027-10-30T02:30:00+02:00", "2027-10-31T02:30:00+02:00", "2027-11-01T02:30:00+01:00"])
  }

  @Test func `A midnight that is left out is due at the first instant of the day`() throws {
    try expect(
      "0 0 * * *", "America/Santiago", from: "2026-09-05T00:00:00", to: "2026-09-08T00:00:00",
      ["2026-09-05T00:00:00-04:00", "2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"])
    try expect(
      "0 0 * * 0", "America/Santiago", from: "2026-08-30T00:00:00", to: "2026-09-14T00:00:00",
      ["2026-08-30T00:00:00-04:00", "2026-09-06T01:00:00-03:00", "2026-09-13T00:00:00-03:00"])
    try expect(
      "0 0 * * *", "Asia/Beirut", from: "2027-03-27T12:00:00", to: "2027-03-29T12:00:00",
      ["2027-03-28T01:00:00+03:00", "2027-03-29T00:00:00+03:00"])
    try expect(
      "0 0 28 3 *", "Asia/Beirut", from: "2026-06-01T00:00:00", to: "2028-06-01T00:00:00",
      ["2027-03-28T01:00:00+03:00", "2028-03-28T00:00:00+03:00"])
    try expect(
      "0 0 * * *", "America/Sao_Paulo", from: "2018-11-03T00:00:00", to: "2018-11-06T00:00:00",
      ["2018-11-03T00:00:00-03:00", "2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"])
  }

  @Test func `A midnight that is left out has no hour of its own`() throws {
    for (zone, day) in [("America/Santiago", "2026-09-06"), ("Asia/Beirut", "2027-03-28")] {
      let offset = zone == "Asia/Beirut" ? "+03:00" : "-03:00"
      let before = zone == "Asia/Beirut" ? "2027-03-27T21:30:00" : "2026-09-06T03:30:00"
      #expect(
        try times("0 * * * *", Zones.zone(zone), after: before, 2) == [
          "\(day)T01:00:00\(offset)", "\(day)T02:00:00\(offset)",
        ])
    }
  }

  @Test func `A midnight that comes twice is due once`() throws {
    // Clocks go from 24:00 back to 23:00.
    try expect(
      "30 23 * * *", "America/Santiago", from: "2027-04-03T12:00:00", to: "2027-04-05T12:00:00",
      ["2027-04-03T23:30:00-03:00", "2027-04-04T23:30:00-04:00"])
    try expect(
      "0 0 * * *", "America/Santiago", from: "2027-04-03T12:00:00", to: "2027-04-05T12:00:00",
      ["2027-04-04T00:00:00-04:00", "2027-04-05T00:00:00-04:00"])
    try expect(
      "30 23 * * *", "America/Sao_Paulo", from: "2019-02-16T12:00:00", to: "2019-02-18T12:00:00",
      ["2019-02-16T23:30:00-02:00", "2019-02-17T23:30:00-03:00"])
  }

  @Test func `A change by half an hour is as one by an hour`() throws {
    try expect(
      "15 2 * * *", "Australia/Lord_Howe", from: "2026-10-02T20:00:00", to: "2026-10-04T20:00:00",
      ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"])
    try expect(
      "45 1 * * *", "Australia/Lord_Howe", from: "2027-04-03T12:00:00", to: "2027-04-04T23:00:00",
      ["2027-04-04T01:45:00+11:00", "2027-04-05T01:45:00+10:30"])
    try expect(
      "45 * * * *", "Australia/Lord_Howe", from: "2027-04-03T14:00:00", to: "2027-04-03T16:30:00",
      ["2027-04-04T01:45:00+11:00", "2027-04-04T01:45:00+10:30", "2027-04-04T02:45:00+10:30"])
    try expect(
      "0 * * * *", "Australia/Lord_Howe", from: "2026-10-03T14:30:00", to: "2026-10-03T17:30:00",
      ["2026-10-04T01:00:00+10:30", "2026-10-04T03:00:00+11:00", "2026-10-04T04:00:00+11:00"])
  }

  @Test func `A change of a month such as Ramadan is as one of a season`() throws {
    try expect(
      "30 2 * * *", "Africa/Casablanca", from: "2027-02-06T12:00:00", to: "2027-02-08T12:00:00",
      ["2027-02-07T02:30:00+01:00", "2027-02-08T02:30:00+00:00"])
    try expect(
      "*/30 2 * * *", "Africa/Casablanca", from: "2027-02-06T12:00:00", to: "2027-02-07T12:00:00",
      [
        "2027-02-07T02:00:00+01:00", "2027-02-07T02:30:00+01:00", "2027-02-07T02:00:00+00:00",
        "2027-02-07T02:30:00+00:00",
      ])
    try expect(
      "0,30 2 * * *", "Africa/Casablanca", from: "2027-03-13T12:00:00", to: "2027-03-15T12:00:00",
      ["2027-03-14T03:00:00+01:00", "2027-03-15T02:00:00+01:00", "2027-03-15T02:30:00+01:00"])
  }

  @Test func `A zone without changes is due at every time`() throws {
    try expect(
      "30 2 * * *", "UTC", from: "2027-03-27T12:00:00", to: "2027-03-29T12:00:00",
      ["2027-03-28T02:30:00+00:00", "2027-03-29T02:30:00+00:00"])
  }

  @Test func `A day that is left out is due once, when the next one begins`() throws {
    try expect(
      "0 6,12 * * *", "Pacific/Apia", from: "2011-12-29T10:00:00", to: "2011-12-31T10:00:00",
      [
        "2011-12-29T06:00:00-10:00", "2011-12-29T12:00:00-10:00", "2011-12-31T00:00:00+14:00",
        "2011-12-31T06:00:00+14:00", "2011-12-31T12:00:00+14:00",
      ])
  }
}

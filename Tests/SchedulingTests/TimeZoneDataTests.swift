import Scheduling
import Testing

@Suite
struct TimeZoneDataTests {
  @Test(
    arguments: [
      ("Europe/Berlin", "2027-03-28T01:59:59", ["01:59:59+01:00"]), ("Europe/Berlin", "2027-03-28T02:00:00", []),
      ("Europe/Berlin", "2027-03-28T02:59:59", []), ("Europe/Berlin", "2027-03-28T03:00:00", ["03:00:00+02:00"]),
      ("Europe/Berlin", "2027-10-31T01:59:59", ["01:59:59+02:00"]),
      ("Europe/Berlin", "2027-10-31T02:00:00", ["02:00:00+02:00", "02:00:00+01:00"]),
      ("Europe/Berlin", "2027-10-31T02:59:59", ["02:59:59+02:00", "02:59:59+01:00"]),
      ("Europe/Berlin", "2027-10-31T03:00:00", ["03:00:00+01:00"]),
      ("America/Sao_Paulo", "2018-11-04T00:00:00", []),
      ("America/Sao_Paulo", "2018-11-04T01:00:00", ["01:00:00-02:00"]),
      ("Australia/Lord_Howe", "2026-10-04T02:29:59", []),
      ("Australia/Lord_Howe", "2027-04-04T01:30:00", ["01:30:00+11:00", "01:30:00+10:30"]),
      ("Pacific/Apia", "2011-12-30T00:00:00", []), ("Pacific/Apia", "2011-12-30T23:59:59", []),
      ("Pacific/Apia", "2011-12-31T00:00:00", ["00:00:00+14:00"]), ("UTC", "2027-03-28T02:00:00", ["02:00:00+00:00"]),
    ] as [(String, String, [String])])
  func `A local time has one instant, none or two`(name: String, time: String, expected: [String]) throws {
    let zone = try Zones.zone(name)
    let local = try local(time)
    let instants = zone.instants(of: local)
    #expect(instants.map(zone.text) == expected.map { "\(time.prefix(10))T\($0)" })
    #expect(instants.allSatisfy { zone.local(at: $0) == local })
    let first = zone.firstInstant(atOrAfter: local)
    if let only = instants.first {
      #expect(first == only)
    } else {
      // The clocks were set forward at this instant.
      #expect(zone.offset(at: first) > zone.offset(at: first - 1))
      #expect(zone.local(at: first) > local && zone.local(at: first - 1) < local)
    }
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00"), (-1, "1969-12-31T23:59:59"), (951_782_400, "2000-02-29T00:00:00"),
    (4_107_542_400, "2100-03-01T00:00:00"), (-2_203_891_200, "1900-03-01T00:00:00"),
    (-62_135_596_800, "0001-01-01T00:00:00"), (253_402_300_799, "9999-12-31T23:59:59"),
  ])
  func `Instants are shown in ISO 8601, with their offset`(instant: Int, text: String) throws {
    #expect(TimeZoneData.utc.text(of: instant) == text + "+00:00")
    #expect(LocalTime(seconds: instant).text == text)
    #expect(try local(text).seconds == instant)
  }

  @Test func `An offset is shown with its sign, and with seconds where it has some`() throws {
    let shown = ["<A+1>-5:45", "<A-1>3:30", "LMT-0:53:28", "LMT0:00:01"].map { rule in
      try? TimeZoneData.rule(rule).text(of: 0)
    }
    #expect(
      shown == [
        "1970-01-01T05:45:00+05:45", "1969-12-31T20:30:00-03:30", "1970-01-01T00:53:28+00:53:28",
        "1969-12-31T23:59:59-00:00:01",
      ])
  }

  @Test func `Every day of 400 years has its own date`() {
    var expected = (year: 1600, month: 1, day: 1)
    let first = LocalTime(year: 1600, month: 1, day: 1).seconds / 86_400
    for number in first..<(first + 146_097) {
      let time = LocalTime(year: expected.year, month: expected.month, day: expected.day)
      guard time.seconds == number * 86_400 else {
        Issue.record("\(expected) is not day \(number)")
        return
      }
      let next = LocalTime(seconds: (number + 1) * 86_400).text.split { "-T".contains($0) }.compactMap { Int($0) }
      expected.day += 1
      if next.count > 2, next[2] == 1 { (expected.month, expected.day) = (expected.month + 1, 1) }
      if expected.month == 13 { (expected.year, expected.month) = (expected.year + 1, 1) }
    }
    #expect(expected == (2000, 1, 1))
  }

  @Test func `Data have the same digest as long as they are the same`() throws {
    let file = TZifFile(footer: Zones.berlin)
    let zone = try TimeZoneData(name: "A", bytes: file.bytes)
    #expect(try TimeZoneData(name: "A", bytes: file.bytes) == zone)
    #expect(try TimeZoneData(name: "B", bytes: file.bytes).digest == zone.digest)
    let changed = try TimeZoneData(name: "A", bytes: TZifFile(footer: Zones.beirut).bytes)
    #expect(changed.digest != zone.digest && changed != zone)
    #expect(TimeZoneData.utc.digest == 0)
  }
}

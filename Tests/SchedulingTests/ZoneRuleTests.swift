import Scheduling
import Testing

/// Footers of TZif files: rules for all years.
@Suite
struct ZoneRuleTests {
  /// Offsets before and at the instants at which clocks are changed.
  @Test(
    arguments: [
      (Zones.berlin, [("2027-03-28T01:00:00", 3_600, 7_200), ("2027-10-31T01:00:00", 7_200, 3_600)]),
      (Zones.newYork, [("2027-03-14T07:00:00", -18_000, -14_400), ("2027-11-07T06:00:00", -14_400, -18_000)]),
      (Zones.santiago, [("2026-09-06T04:00:00", -14_400, -10_800), ("2027-04-04T03:00:00", -10_800, -14_400)]),
      (Zones.lordHowe, [("2026-10-03T15:30:00", 37_800, 39_600), ("2027-04-03T15:00:00", 39_600, 37_800)]),
      // Daylight saving time that is behind standard time.
      (Zones.dublin, [("2027-03-28T01:00:00", 0, 3_600), ("2027-10-31T01:00:00", 3_600, 0)]),
      // Hours before the day, and beyond it.
      (
        "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
        [("2027-03-28T01:00:00", -7_200, -3_600), ("2027-10-31T01:00:00", -3_600, -7_200)]
      ),
      ("IST-2IDT,M3.4.4/26,M10.5.0", [("2027-03-26T00:00:00", 7_200, 10_800), ("2027-10-30T23:00:00", 10_800, 7_200)]),
      (
        "EET-2EEST,M3.4.4/50,M10.4.4/50",
        [("2027-03-27T00:00:00", 7_200, 10_800), ("2027-10-29T23:00:00", 10_800, 7_200)]
      ),
      ("AAA0BBB,J8/-167,J358/167", [("2027-01-01T01:00:00", 0, 3_600), ("2027-12-30T22:00:00", 3_600, 0)]),
      // Days with and without 29 February.
      ("AAA0BBB,J60/0,J365/0", [("2027-03-01T00:00:00", 0, 3_600), ("2028-03-01T00:00:00", 0, 3_600)]),
      ("AAA0BBB,59/0,364/0", [("2027-03-01T00:00:00", 0, 3_600), ("2028-02-29T00:00:00", 0, 3_600)]),
      ("AAA0BBB,J59/0,J300", [("2027-02-28T00:00:00", 0, 3_600), ("2028-02-28T00:00:00", 0, 3_600)]),
      ("AAA+1:30:15BBB-2:00:30,M2.1.3/1:02:03,300", [("2027-02-03T02:32:18", -5_415, 7_230)]),
    ] as [(String, [(String, Int, Int)])])
  func `A rule changes the clocks in every year`(rule: String, changes: [(String, Int, Int)]) throws {
    let zone = try TimeZoneData.rule(rule)
    for (text, before, after) in changes {
      let instant = try instant(text)
      #expect(zone.offset(at: instant - 1) == before, "\(text)")
      #expect(zone.offset(at: instant) == after, "\(text)")
    }
  }

  @Test(arguments: [
    ("UTC0", 0), ("EST5", -18_000), ("<+0545>-5:45", 20_700), ("<-00>0", 0), ("abc-24", 86_400),
    ("<A+1>24:59:59", -89_999),
    // Daylight saving time in all of the year (RFC 9636, section 3.3.1), also where it is behind standard time.
    ("EST5EDT,0/0,J365/25", -14_400), ("XXX3EDT4,0/0,J365/23", -14_400), ("AAA0BBB,0/0,J365/100", 3_600),
  ])
  func `A rule without changes has one offset`(rule: String, offset: Int) throws {
    let zone = try TimeZoneData.rule(rule)
    for day in 0..<800 {
      for second in [0, 17_999, 18_000, 43_200] { #expect(zone.offset(at: day * 86_400 + second) == offset) }
    }
    #expect(zone.offset(at: .min) == offset)
    #expect(zone.offset(at: .max) == offset)
  }

  @Test(arguments: [
    "A0", "AB1", "ABC", "ABC25", "ABC0:60", "ABC0:0:60", "ABC1:", "ABC 1", "<ABC1", "<AB>1", "<A C>1", "ABC1DEF",
    "ABC1DE,1,2",
    "ABC1DEF,", "ABC1DEF,1", "ABC1DEF,1,", "ABC1DEF,1,2,", "ABC1DEF,1,2x", "ABC1DEF,366,1", "ABC1DEF,J0,1",
    "ABC1DEF,J366,1",
    "ABC1DEF,M0.1.0,1", "ABC1DEF,M13.1.0,1", "ABC1DEF,M1.0.0,1", "ABC1DEF,M1.6.0,1", "ABC1DEF,M1.1.7,1",
    "ABC1DEF,M1.1,1",
    "ABC1DEF,1/168,2", "ABC1DEF,1/-168,2", "ABC1DEF,1/,2", "ABC1DEF25,1,2", "ABC1DEF,1;2", ":UTC", "Europe/Berlin",
    "ABC1DEF,1/2/3,4",
    "ABC1111111111111111111111", "ABC-", "ABC+-1", "\u{0}", "ABC0\u{0}", "ÄÖÜ0",
  ])
  func `A footer that is no rule is refused`(text: String) {
    #expect(throws: TimeZoneError.self) { try TimeZoneData.rule(text) }
  }
}

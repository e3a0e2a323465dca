import Scheduling

/// Zones as the data of 2025b have them for the years that the tests look at: those of the system may change.
enum Zones {
  static let berlin = "CET-1CEST,M3.5.0,M10.5.0/3"
  static let newYork = "EST5EDT,M3.2.0,M11.1.0"
  static let santiago = "<-04>4<-03>,M9.1.6/24,M4.1.6/24"
  static let beirut = "EET-2EEST,M3.5.0/0,M10.5.0/0"
  static let lordHowe = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"
  static let dublin = "IST-1GMT0,M10.5.0,M3.5.0/1"

  /// A zone by its name.
  static func zone(_ name: String) throws -> TimeZoneData {
    switch name {
    case "UTC": .utc
    case "Europe/Berlin": try .rule(berlin)
    case "Europe/Dublin": try .rule(dublin)
    case "America/New_York": try .rule(newYork)
    case "America/Santiago": try .rule(santiago)
    case "Asia/Beirut": try .rule(beirut)
    case "Australia/Lord_Howe": try .rule(lordHowe)
    case "America/Sao_Paulo":
      try .table(from: -10_800, [("2018-11-04T03:00:00", -7_200), ("2019-02-17T02:00:00", -10_800)])
    case "Africa/Casablanca":
      try .table(
        from: 3_600,
        [
          ("2026-02-15T02:00:00", 0), ("2026-03-22T02:00:00", 3_600), ("2027-02-07T02:00:00", 0),
          ("2027-03-14T02:00:00", 3_600), ("2028-01-23T02:00:00", 0), ("2028-03-05T02:00:00", 3_600),
        ])
    // 30 December 2011 was left out.
    case "Pacific/Apia": try .table(from: -36_000, [("2011-12-30T10:00:00", 50_400)])
    default: throw TimeZoneError.unknown(name)
    }
  }
}

/// A text that a test has wrong.
struct WrongText: Error {}

/// The seconds since 1970 of a time such as `2027-03-28T01:00:00` in UTC.
func instant(_ text: String) throws -> Int { try local(text).seconds }

/// A local time such as `2027-03-28T01:00:00`.
func local(_ text: String) throws -> LocalTime {
  let parts = text.split { "-T:".contains($0) }.compactMap { Int($0) }
  guard parts.count == 6 else { throw WrongText() }
  return LocalTime(
    year: parts[0], month: parts[1], day: parts[2], hour: parts[3], minute: parts[4], second: parts[5])
}

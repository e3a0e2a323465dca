import Glibc

/// Parses the three formats of HTTP dates (RFC 9110, section 5.6.7).
public enum HTTPDate {
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// Seconds since 1970; nil if the text is not a date.
  ///
  /// `Sun, 06 Nov 1994 08:49:37 GMT` (IMF-fixdate), `Sunday, 06-Nov-94 08:49:37 GMT` (RFC 850) and
  /// `Sun Nov  6 08:49:37 1994` (asctime).
  public static func seconds(_ text: String) -> Int? {
    let words = text.split { $0 == " " || $0 == "-" }.map(String.init)
    if words.count == 6, words[5] == "GMT" {
      return seconds(day: words[1], month: words[2], year: year(words[3]), clock: words[4])
    }
    guard words.count == 5, !text.contains("-") else { return nil }
    return seconds(day: words[2], month: words[1], year: year(words[4]), clock: words[3])
  }

  /// A year of two digits more than 50 years in the future belongs to the last century.
  private static func year(_ text: String) -> Int32? {
    guard let number = Int32(text), text.utf8.count == 2 || text.utf8.count == 4 else { return nil }
    guard text.utf8.count == 2 else { return number }
    var now = time(nil)
    var parts = tm()
    gmtime_r(&now, &parts)
    let thisYear = parts.tm_year + 1900
    let year = thisYear - thisYear % 100 + number
    return year > thisYear + 50 ? year - 100 : year
  }

  private static func seconds(day: String, month: String, year: Int32?, clock: String) -> Int? {
    let clock = clock.split(separator: ":").compactMap { Int32($0) }
    guard clock.count == 3, let day = Int32(day), let month = months.firstIndex(of: month), let year,
      (1970...9999).contains(year), (1...31).contains(day)
    else { return nil }
    var parts = tm()
    (parts.tm_sec, parts.tm_min, parts.tm_hour) = (clock[2], clock[1], clock[0])
    (parts.tm_mday, parts.tm_mon, parts.tm_year) = (day, Int32(month), year - 1900)
    return timegm(&parts)
  }
}

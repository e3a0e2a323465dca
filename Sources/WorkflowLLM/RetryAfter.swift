import Curl
import Glibc

/// When a provider wants to be asked again: `retry-after-ms`, or `Retry-After` in seconds or as an HTTP date
/// (RFC 9110, section 10.2.3).
enum RetryAfter {
  /// Seconds since 1970 by the system's clock.
  static func now() -> Int { time(nil) }

  /// The wait that an answer asks for; nil when it asks for none that can be read.
  static func duration(in response: HTTPResponse, now: Int) -> Duration? {
    if let text = response.header("retry-after-ms"), let wait = Double(text).flatMap({ wait(seconds: $0 / 1_000) }) {
      return wait
    }
    guard let text = response.header("retry-after") else { return nil }
    if let seconds = Double(text) { return wait(seconds: seconds) }
    return secondsOfHTTPDate(text).flatMap { wait(seconds: Double(max(0, $0 - now))) }
  }

  /// A day at most, which is as good as forever.
  private static func wait(seconds: Double) -> Duration? { seconds >= 0 ? .seconds(min(seconds, 86_400)) : nil }

  /// Seconds since 1970 of an IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
  static func secondsOfHTTPDate(_ text: String) -> Int? {
    let words = text.split(separator: " ")
    let clock = words.count == 6 ? words[4].split(separator: ":").compactMap { Int32($0) } : []
    guard clock.count == 3, words[5] == "GMT", let day = Int32(words[1]), let year = Int32(words[3]),
      let month = months.firstIndex(of: String(words[2])), (1970...9999).contains(year)
    else { return nil }
    var parts = tm()
    (parts.tm_sec, parts.tm_min, parts.tm_hour) = (clock[2], clock[1], clock[0])
    (parts.tm_mday, parts.tm_mon, parts.tm_year) = (day, Int32(month), year - 1900)
    return timegm(&parts)
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}

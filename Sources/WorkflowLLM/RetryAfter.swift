package import Curl
import Glibc

/// How long a provider asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as an HTTP date (RFC 9110,
/// section 10.2.3). LiteLLM forwards both with the prefix `llm_provider-`.
package enum RetryAfter {
  /// The current time in seconds since 1970.
  package static func now() -> Int { time(nil) }

  /// The wait that a response asks for; nil if there is none or it is malformed.
  /// - Parameter now: used if the response has no `Date`.
  package static func duration(in response: HTTPResponse, now: Int) -> Duration? {
    for prefix in ["", "llm_provider-"] {
      if let wait = number(response.header(prefix + "retry-after-ms")).flatMap({ wait(seconds: $0 / 1_000) }) {
        return wait
      }
      guard let text = response.header(prefix + "retry-after") else { continue }
      if let wait = number(text).flatMap(wait(seconds:)) { return wait }
      if let date = HTTPDate.seconds(text) {
        let sent = response.header("date").flatMap { HTTPDate.seconds($0) }
        return wait(seconds: Double(max(0, date - (sent ?? now))))
      }
    }
    return nil
  }

  private static func number(_ text: String?) -> Double? {
    text.flatMap { Double($0.trimmingWhitespace) }
  }

  /// At most a day, which is longer than any limit for all calls.
  private static func wait(seconds: Double) -> Duration? { seconds >= 0 ? .seconds(min(seconds, 86_400)) : nil }
}

extension String {
  /// The text without white space at its ends.
  var trimmingWhitespace: Substring {
    var text = self[...].drop { $0.isWhitespace }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }
}

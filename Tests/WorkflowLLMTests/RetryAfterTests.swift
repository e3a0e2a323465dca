import Curl
import Testing

@testable import WorkflowLLM

@Suite struct RetryAfterTests {
  /// A moment: Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
  private static let now = 784_111_777

  private func wait(_ headers: [HTTPHeader]) -> Duration? {
    RetryAfter.duration(in: HTTPResponse(status: 429, headers: headers), now: Self.now)
  }

  @Test(
    arguments: [
      ("0", .zero), ("7", .seconds(7)), ("0.25", .milliseconds(250)), ("600", .seconds(600)),
      ("86400", .seconds(86_400)), ("99999999999999999999", .seconds(86_400)), ("inf", .seconds(86_400)),
    ] as [(String, Duration)])
  func `Seconds count as they are, up to a day`(text: String, duration: Duration) {
    #expect(wait([("Retry-After", text)]) == duration)
  }

  @Test func `Milliseconds go before seconds, unless they cannot be read`() {
    #expect(wait([("Retry-After", "7"), ("retry-after-ms", "1500")]) == .milliseconds(1500))
    #expect(wait([("Retry-After", "7"), ("Retry-After-Ms", "soon")]) == .seconds(7))
    #expect(wait([("Retry-After", "7"), ("retry-after-ms", "-1")]) == .seconds(7))
    #expect(wait([("retry-after-ms", "1e99")]) == .seconds(86_400))
  }

  @Test func `LiteLLM's names for the headers of the provider behind it count where its own are missing`() {
    #expect(wait([("llm_provider-retry-after", "7")]) == .seconds(7))
    #expect(wait([("llm_provider-retry-after-ms", "1500"), ("llm_provider-retry-after", "7")]) == .milliseconds(1500))
    #expect(wait([("llm_provider-retry-after", "7"), ("Retry-After", "9")]) == .seconds(9))
    #expect(wait([("llm_provider-retry-after", " 7 ")]) == .seconds(7))
  }

  @Test func `A date counts from the answer's own date, whatever this machine's clock says`() {
    let headers = [("Date", "Sun, 06 Nov 1994 08:49:07 GMT"), ("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT")]
    #expect(wait(headers) == .seconds(30))
  }

  @Test(
    arguments: [
      ("Sun, 06 Nov 1994 08:49:37 GMT", 0), ("Sunday, 06-Nov-94 08:50:00 GMT", 23), ("Sun Nov  6 08:50:00 1994", 23),
      ("Sun, 06 Nov 1994 08:50:00 GMT", 23), ("Sun, 06 Nov 1994 08:49:00 GMT", 0),
      ("Mon, 07 Nov 1994 00:00:00 GMT", 54_623), ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
    ])
  func `A date counts from now, and a past one as no wait`(date: String, seconds: Int) {
    #expect(wait([("Retry-After", date)]) == .seconds(seconds))
  }

  @Test(
    arguments: [
      ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600),
      ("Tue, 19 Jan 2038 03:14:08 GMT", 2_147_483_648),
    ])
  func `A date is read in every month and century`(date: String, seconds: Int) {
    #expect(HTTPDate.seconds(date) == seconds)
  }

  @Test(
    arguments: [
      "", "-1", "nan", "soon", "7 s", "Sun Nov 6 1994", "Sunday, 06-Nov-94 08:50:00", "Sun Nov 32 08:49:37 1994",
      "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 08:49 GMT",
      "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, x Nov 1994 08:49:37 GMT", "Sun, 06 Nov -2147483648 08:49:37 GMT",
      "Sun, 06 Nov 2147483647 08:49:37 GMT",
    ])
  func `What cannot be read asks for nothing`(text: String) {
    #expect(wait([("Retry-After", text)]) == nil)
  }

  @Test func `An answer without the header asks for nothing`() {
    #expect(wait([]) == nil)
  }
}

import Testing

@testable import Curl

struct HTTPErrorTests {
  @Test(arguments: [
    (HTTPError.invalidRequest("no"), false), (.cannotConnect("refused"), true), (.timedOut(.connecting), true),
    (.timedOut(.waiting), true), (.timedOut(.receiving), true), (.tooLarge(limit: 5), false),
    (.timedOut(.sending), true), (.unsent("reset"), true), (.interrupted("reset"), true),
    (.untrusted("self-signed"), false), (.tlsFailed("alert"), false),
    (.proxyRefused(status: 407), false), (.cancelled, false), (.closed, false),
  ])
  func `only what time may heal is transient, and every error is a sentence`(error: HTTPError, isTransient: Bool) {
    #expect(error.isTransient == isTransient)
    #expect(error.description.hasPrefix("The") && error.description.hasSuffix("."))
  }

  @Test(arguments: [
    ("Unsupported proxy scheme for 'ftp://user:s3cret@proxy'", "Unsupported proxy scheme for '***@proxy'"),
    ("Unsupported proxy syntax in 'user:s3 @cret@proxy x': no", "Unsupported proxy syntax in '***@proxy x': no"),
    ("no user:s3cret@host", "no ***@host"), ("s3cret@host", "***@host"), ("Couldn't connect", "Couldn't connect"),
  ])
  func `no reason shows the login of a URL`(reason: String, shown: String) {
    #expect(HTTPError.withoutLogin(reason) == shown)
  }
}

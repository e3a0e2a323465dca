import Curl
import Testing

struct HTTPErrorTests {
  @Test(arguments: [
    (HTTPError.invalidRequest("no"), false), (.cannotConnect("refused"), true), (.timedOut(.connecting), true),
    (.timedOut(.waiting), true), (.timedOut(.receiving), true), (.tooLarge(limit: 5), false),
    (.interrupted("reset"), true), (.untrusted("self-signed"), false), (.tlsFailed("alert"), false),
    (.proxyRefused(status: 407), false), (.cancelled, false), (.closed, false),
  ])
  func `only what time may heal is transient, and every error is a sentence`(error: HTTPError, isTransient: Bool) {
    #expect(error.isTransient == isTransient)
    #expect(error.description.hasPrefix("The") && error.description.hasSuffix("."))
  }
}

import Curl
import Testing
import WorkflowOperations

@Suite struct HTTPHostPatternTests {
  private func matches(_ pattern: String, _ url: String) throws -> Bool {
    try #require(HTTPHostPattern(pattern), "\(pattern)").matches(HTTPURL(url))
  }

  @Test(arguments: [
    ("api.example.com", "https://api.example.com/x"), ("api.example.com", "http://api.example.com"),
    ("API.example.com", "https://api.EXAMPLE.com"), ("api.example.com", "https://api.example.com./"),
    ("api.example.com", "https://api.example.com:443/"), ("*.example.com", "https://a.b.example.com/"),
    ("api.example.com:8443", "https://api.example.com:8443/"), ("*", "https://any.example/"),
    ("*:8080", "http://any.example:8080"), ("*.example.com:81", "http://a.example.com:81"),
    ("192.0.2.1", "http://192.0.2.1/"), ("192.0.2.1", "http://3221225985/"),
    ("[2001:db8::1]:81", "http://[2001:DB8::1]:81"),
    ("2001:db8::1", "http://[2001:db8:0::1]/"), ("xn--bcher-kva.example", "https://XN--bcher-kva.example/"),
  ])
  func `A host that is allowed`(pattern: String, url: String) throws { #expect(try matches(pattern, url)) }

  @Test(arguments: [
    ("api.example.com", "https://example.com/"), ("api.example.com", "https://x.api.example.com/"),
    ("api.example.com", "https://api.example.com:8443/"), ("api.example.com", "http://api.example.com:443/"),
    ("api.example.com:8443", "https://api.example.com/"), ("*.example.com", "https://example.com/"),
    ("*.example.com", "https://badexample.com/"), ("*.example.com", "https://example.com.other.example/"),
    ("example.com", "https://example.com.other.example/"), ("*", "https://any.example:8443/"),
    ("192.0.2.1", "http://192.0.2.2/"), ("*.example.com", "https://192.0.2.1/"),
  ])
  func `A host that is not`(pattern: String, url: String) throws { #expect(try !matches(pattern, url)) }

  @Test(arguments: [
    "", ":80", "*.", "*.*", "**", "a..b", ".example.com", "example.com.", "a b", "a/b", "https://a", "a:0", "a:65536",
    "a:x", "a:", "[::1", "::1]", "[1.2.3.4]", "1.2.3", "127.1", "0x7f.1", "2130706433", "*.1.2.3.4",
    "b\u{fc}cher.example",
    "user@a", "a*b", "a.*",
  ])
  func `What is none of the forms is refused`(text: String) { #expect(HTTPHostPattern(text) == nil) }

  @Test func `Without hosts everything is off, and private addresses must be named`() throws {
    #expect(HTTPAccess().isOff)
    let access = HTTPAccess(hosts: [try #require(HTTPHostPattern("*"))])
    #expect(!access.isOff)
    #expect(access.allows(try #require(IPAddress("8.8.8.8"))))
    #expect(!access.allows(try #require(IPAddress("10.1.2.3"))))
    let block = try #require(IPAddressBlock("10.0.0.0/8"))
    #expect(HTTPAccess(privateBlocks: [block]).allows(try #require(IPAddress("::ffff:10.1.2.3"))))
  }
}

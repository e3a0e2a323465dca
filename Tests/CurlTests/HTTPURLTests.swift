import Curl
import Testing

@Suite struct HTTPURLTests {
  @Test(arguments: [
    ("https://api.example.com/a?b=c#d", "https://api.example.com/a?b=c", "api.example.com", 443),
    ("HTTP://API.example.com:8080", "http://API.example.com:8080/", "api.example.com", 8080),
    ("http://[2001:db8::1]:81/", "http://[2001:db8::1]:81/", "2001:db8::1", 81),
    ("https://example.com./a", "https://example.com./a", "example.com", 443),
    ("https://ex%61mple.com/", "https://example.com/", "example.com", 443),
  ])
  func `Host and port are those that libcurl connects to`(given: String, text: String, host: String, port: Int) throws {
    let url = try HTTPURL(given)
    #expect(url.text == text)
    #expect(url.host == host)
    #expect(url.port == port)
    #expect(url.isSecure == given.lowercased().hasPrefix("https"))
  }

  @Test(arguments: ["http://2130706433/", "http://0x7f000001", "http://0177.0.0.1/", "http://127.1/", "http://0x7f.1/"])
  func `Whatever number an address is written as, it is compared in the usual form`(text: String) throws {
    #expect(try HTTPURL(text).host == "127.0.0.1")
  }

  @Test(arguments: [
    "", "/a", "example.com", "ftp://example.com/", "file:///etc/hosts", "https://", "https:///", "http:///a.example/",
    "https://a b/",
    "https://a\n/", "https://a/\u{0}", "https://user@example.com/", "https://user:pw@example.com/",
    "http://[fe80::1%25eth0]/", "http://[::1/", "https://a:0/", "https://a:70000/", "https://a:b/", "javascript:1",
    "https://b\u{fc}cher.example/", "http://\u{ff11}27.0.0.1/",
  ])
  func `What is no absolute URL of an HTTP server is refused, and not repeated`(text: String) {
    let error = #expect(throws: HTTPURLError.self) { try HTTPURL(text) }
    #expect(error?.description.contains("pw") == false)
  }

  @Test(arguments: [
    ("/c", "https://example.com/c"), ("c?d=e#f", "https://example.com/a/c?d=e"),
    ("?x=1", "https://example.com/a/b?x=1"),
    ("//other.example/x", "https://other.example/x"), ("http://other.example", "http://other.example/"),
    ("../up", "https://example.com/up"), ("/a b", "https://example.com/a%20b"),
  ])
  func `A location is resolved against the URL that it came from`(location: String, text: String) throws {
    #expect(try HTTPURL("https://example.com/a/b?q=1").resolving(location).text == text)
  }

  @Test(arguments: ["//user@other.example/", "ftp://other.example/", "https://", "\u{0}"])
  func `A location that leads to no HTTP server is refused`(location: String) throws {
    let url = try HTTPURL("https://example.com/a")
    #expect(throws: HTTPURLError.self) { try url.resolving(location) }
  }

  @Test func `The origin has nothing secret`() throws {
    #expect(try HTTPURL("https://example.com/secret?key=secret").origin == "https://example.com")
    #expect(try HTTPURL("http://[::1]:8080/").origin == "http://[::1]:8080")
    #expect(try HTTPURL("https://example.com:80/").origin == "https://example.com:80")
  }
}

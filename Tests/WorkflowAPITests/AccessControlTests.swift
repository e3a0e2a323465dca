import FastCGI
import Testing

@testable import WorkflowAPI

/// Who may use the API.
@Suite struct AccessControlTests {
  private func outcome(
    _ address: String?, hosts: [String] = ["localhost"], site: String = "https://wf.example.org",
    allowsAnonymous: Bool = false
  ) -> APIError? {
    let address: KeyValuePairs = address.map { ["REMOTE_ADDR": $0] } ?? [:]
    let request =
      switch hosts.count {
      case 0: FastCGIRequest(method: "GET", target: "/", parameters: address)
      case 1: FastCGIRequest(method: "GET", target: "/", headers: ["Host": hosts[0]], parameters: address)
      default:
        FastCGIRequest(method: "GET", target: "/", headers: ["Host": hosts[0], "Host": hosts[1]], parameters: address)
      }
    do {
      _ = try AccessControl(allowsAnonymous: allowsAnonymous, siteURL: site).check(request)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "unix:"])
  func `a client on this host is answered`(_ address: String) {
    #expect(outcome(address) == nil)
  }

  @Test(arguments: ["10.0.0.1", "192.168.127.1", "2001:db8::1", "::2", "::ffff:10.0.0.1", "127.evil", "", nil])
  func `any other is refused with a sentence that names the setting`(_ address: String?) throws {
    let error = try #require(outcome(address))
    #expect(error.status == 401)
    guard case .bytes(let body) = error.response.body else { return #expect(Bool(false)) }
    #expect(String(decoding: body, as: UTF8.self).contains("WF_ALLOW_ANONYMOUS=1"))
    #expect(outcome(address, allowsAnonymous: true) == nil)
  }

  private func isAnswered(from address: String, at server: String, for host: String) -> Bool {
    let request = FastCGIRequest(
      method: "GET", target: "/", headers: ["Host": host],
      parameters: ["REMOTE_ADDR": address, "SERVER_ADDR": server])
    let control = AccessControl(allowsAnonymous: false, siteURL: "https://wf.example.org")
    do throws(APIError) { return try control.check(request) == nil } catch { return false }
  }

  @Test func `a client that uses the host's public address is on the host`() {
    for address in ["203.0.113.5", "2001:db8::5"] {
      #expect(isAnswered(from: address, at: address, for: "wf.example.org"))
      #expect(isAnswered(from: address, at: address, for: address.contains(":") ? "[\(address)]:443" : address))
      #expect(!isAnswered(from: address, at: address, for: "evil.example"))
      #expect(!isAnswered(from: address, at: "203.0.113.6", for: "wf.example.org"))
      #expect(!isAnswered(from: address, at: "", for: "wf.example.org"))
    }
    #expect(!isAnswered(from: "", at: "", for: "wf.example.org"))
    // Reached at loopback, the host's public name is still only what WF_URL says.
    #expect(!isAnswered(from: "127.0.0.1", at: "127.0.0.1", for: "203.0.113.5"))
  }

  @Test(arguments: [
    "localhost", "LOCALHOST:8000", "localhost.", "app.localhost", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:8000",
    "wf.example.org", "WF.Example.org:443", "wf.example.org.",
  ])
  func `a request for this host is answered`(_ host: String) {
    #expect(outcome("127.0.0.1", hosts: [host]) == nil)
  }

  @Test(arguments: [
    ["evil.example"], ["evil.example:8000"], ["localhost.evil.example"], ["127.0.0.1.evil.example"], ["0.0.0.0"],
    ["wf.example.org.evil.example"], ["localhost@evil.example"], ["[::1"], ["wf"], ["localhost", "evil.example"], [""],
    [],
  ])
  func `a request for another host, or for none, is 421 while only this host is served`(_ hosts: [String]) throws {
    let error = try #require(outcome("127.0.0.1", hosts: hosts))
    #expect(error.status == 421)
    #expect(error.sentence.contains("WF_URL"))
    #expect(outcome("127.0.0.1", hosts: hosts, allowsAnonymous: true) == nil)
    #expect(outcome("unix:", hosts: hosts) == nil)
    #expect(outcome("10.0.0.1", hosts: hosts)?.status == 401)
  }

  @Test func `a host that only looks the same is another`() {
    #expect(outcome("127.0.0.1", hosts: ["cafe\u{301}.test"], site: "https://caf\u{e9}.test")?.status == 421)
    #expect(outcome("127.0.0.1", hosts: ["caf\u{e9}.test"], site: "https://caf\u{e9}.test") == nil)
  }

  @Test(arguments: [
    ("http://user:secret@wf.test:8080/x", "wf.test"), ("https://[2001:db8::1]:443", "[2001:db8::1]"),
    ("https://WF.test?x", "wf.test:80"),
  ])
  func `the site's host is that of WF_URL`(_ site: String, _ host: String) {
    #expect(outcome("127.0.0.1", hosts: [host], site: site) == nil)
    #expect(outcome("127.0.0.1", hosts: [host], site: "")?.status == 421)
  }
}

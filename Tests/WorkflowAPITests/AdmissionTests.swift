import FastCGI
import Testing

@testable import WorkflowAPI

/// Who may use the API.
@Suite struct AdmissionTests {
  private func outcome(_ address: String?, allowsAnonymous: Bool = false) -> APIError? {
    let request = FastCGIRequest(
      method: "GET", target: "/status/health", parameters: address.map { ["REMOTE_ADDR": $0] } ?? [:])
    do {
      try Admission(allowsAnonymous: allowsAnonymous).check(request)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: ["127.0.0.1", "127.9.9.9", "::1", "unix:"])
  func `a client on this host is answered`(_ address: String) {
    #expect(outcome(address) == nil)
  }

  @Test(arguments: ["10.0.0.1", "192.168.127.1", "2001:db8::1", "::2", "", nil])
  func `any other is refused with a sentence that names the setting`(_ address: String?) throws {
    let error = try #require(outcome(address))
    #expect(error.status == 401)
    guard case .bytes(let body) = error.response.body else { return #expect(Bool(false)) }
    #expect(String(decoding: body, as: UTF8.self).contains("WF_ALLOW_ANONYMOUS=1"))
    #expect(outcome(address, allowsAnonymous: true) == nil)
  }
}

/// Entity tags by weak comparison.
@Suite struct EntityTagTests {
  @Test(arguments: ["\"a\"", "W/\"a\"", "*", " \"b\" , \"a\""])
  func `a list that names the tag matches`(_ header: String) {
    #expect(EntityTags.match(header, "\"a\""))
  }

  @Test(arguments: ["", "a", "\"b\"", "\"aa\""])
  func `any other does not`(_ header: String) {
    #expect(!EntityTags.match(header, "\"a\""))
  }
}

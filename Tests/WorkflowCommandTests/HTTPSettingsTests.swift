import Curl
import Testing
import WorkflowOperations

@testable import WorkflowCommand

/// The settings of `http_request`.
@Suite struct HTTPSettingsTests {
  private func settings(_ given: [String: String]) throws -> Settings {
    try Settings(SettingsReader(environment: given))
  }

  private func problems(_ given: [String: String]) -> [String] {
    (#expect(throws: Settings.Invalid.self) { try settings(given) })?.problems ?? []
  }

  @Test func `By default nothing may be reached`() throws {
    #expect(try settings([:]).httpAccess.isOff)
    #expect(try settings(["WF_HTTP_ALLOW_PRIVATE": "10.0.0.0/8"]).httpAccess.isOff)
    #expect(try settings([:]).httpTimeout == .seconds(60))
  }

  @Test func `Hosts and blocks are lists`() throws {
    let access = try settings([
      "WF_HTTP_ALLOW": "api.example.com, *.example.org:8443,10.1.2.3,[::1]:81",
      "WF_HTTP_ALLOW_PRIVATE": "10.0.0.0/8, ::1",
      "WF_HTTP_TIMEOUT_S": "2.5",
    ]).httpAccess
    #expect(access.hosts.map(\.description) == ["api.example.com", "*.example.org:8443", "10.1.2.3", "[::1]:81"])
    #expect(access.privateBlocks.map(\.description) == ["10.0.0.0/8", "::1"])
  }

  @Test(arguments: [
    ("WF_HTTP_ALLOW", "a.example,https://b.example", "\"https://b.example\" is none"),
    ("WF_HTTP_ALLOW", "a.example,", "\"\" is none"), ("WF_HTTP_ALLOW", "a..b", "such as api.example.com"),
    ("WF_HTTP_ALLOW", "10.0.0.0/8", "such as api.example.com"), ("WF_HTTP_ALLOW_PRIVATE", "1", "such as 10.1.2.3"),
    ("WF_METRICS_ALLOW", "10.0.0.0/33", "such as 10.1.2.3"),
    ("WF_HTTP_ALLOW_PRIVATE", "10.0.0.1/8", "such as 10.1.2.3"), ("WF_HTTP_TIMEOUT_S", "0", "from 0.1 to 3600"),
  ])
  func `What is none of the forms stops the start`(name: String, value: String, reason: String) {
    let problems = problems([name: value])
    #expect(problems.count == 1)
    #expect(problems.first?.hasPrefix("\(name)=\(value): ") == true && problems.first?.contains(reason) == true)
  }

  @Test func `The metrics are for the addresses of the setting, in whichever form they are written`() throws {
    let settings = try settings(["WF_METRICS_ALLOW": "10.1.0.0/16, 2001:db8::1"])
    let addresses = ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8:0::1", "10.2.0.1", "unix:", "", "10.1.2.3 "]
    #expect(addresses.map(settings.mayScrape) == [true, true, true, false, false, false, false])
    #expect(try self.settings([:]).mayScrape("127.0.0.1") == false)
  }

  @Test(arguments: ["127.0.0.1:8080", "[::1]", "169.254.169.254", "10.1.2.3"])
  func `An address that is not public must be named twice`(host: String) {
    let problems = problems(["WF_HTTP_ALLOW": "a.example, \(host)"])
    #expect(problems.count == 1 && problems.first?.contains("WF_HTTP_ALLOW names \(host), which is not public") == true)
  }
}

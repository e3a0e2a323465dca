import Subprocess
import SystemHarness
import SystemPackage
import Testing
import WorkflowPages

/// The pages behind the production site.
@Suite(.timeLimit(.minutes(5))) struct SitePageTests {
  /// The headers of an answer, as they come.
  private func headers(_ url: String, at socket: String) async throws -> [String] {
    let arguments = ["-ski", "--unix-socket", socket, "-H", "Accept: text/html", url]
    let result = try await Subprocess.run(
      .name("curl"), arguments: Arguments(arguments), output: .string(limit: 1 << 20), error: .discarded)
    return result.standardOutput.split(separator: "\r\n\r\n")[0].split(separator: "\r\n").map(String.init)
  }

  private func values(_ name: String, _ headers: [String]) -> [String] {
    headers.filter { $0.lowercased().hasPrefix("\(name.lowercased()): ") }.map { String($0.dropFirst(name.count + 2)) }
  }

  @Test func `A page has its policy alone, all else that of the site, and cookies are for TLS`() async throws {
    try await Site.with { site in
      let arguments = ["--pdeathsig", "KILL", "--", Stack.executable, "api", "--socket", "\(site.folder)/api.sock"]
      _ = try await Subprocess.run(
        .name("setpriv"), arguments: Arguments(arguments),
        environment: .ofTests(["REDIS_URL": "redis+unix:///nonexistent/redis.sock"]),
        input: .none, output: .discarded, error: .discarded
      ) { execution in
        // It needs no Redis.
        let page = try await wait("the API") {
          let found = try await headers("https://wf.example.org/workflow", at: site.socket("tls"))
          return found.first?.contains("200") == true ? found : nil
        }
        #expect(values("Content-Security-Policy", page) == [Page.policy])
        #expect(values("Set-Cookie", page).allSatisfy { $0.hasSuffix("; Secure") })
        let plain = try await headers("http://wf.example.org/workflow", at: site.socket("plain"))
        #expect(values("Set-Cookie", plain).count == 1)
        #expect(values("Set-Cookie", plain).allSatisfy { !$0.contains("Secure") })
        let missing = try await headers("http://wf.example.org/else", at: site.socket("plain"))
        #expect(values("Content-Security-Policy", missing) == ["default-src 'none'; frame-ancestors 'none'"])
        let json = try await headers("http://wf.example.org/workflow/openapi.json", at: site.socket("plain"))
        #expect(values("Content-Security-Policy", json) == ["default-src 'none'; frame-ancestors 'none'"])
        try execution.send(signal: .kill)
      }
    }
  }
}

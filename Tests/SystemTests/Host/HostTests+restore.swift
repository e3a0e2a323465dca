import ExactJSON
import SystemHarness
import Testing

/// What was saved while all ran is put back.
extension HostTests {
  @Test func `A copy of Redis is restored by the lines of the page SeveralHosts`() async throws {
    let host = try await SharedHost.get()
    let saved = try await host.submit()
    #expect(try await host.end(of: saved)["status"] == "finished")
    try await host.sh("redis-cli --rdb /root/copy.rdb")
    let later = try await host.submit()
    #expect(try await host.end(of: later)["status"] == "finished")

    for line in try Host.commands(of: "SeveralHosts", after: "**One server.**") {
      let command = line.prefix { $0 != "#" }
      try await host.sh(
        command.split(separator: "FILE", omittingEmptySubsequences: false).joined(separator: "/root/copy.rdb"))
    }
    for _ in 0..<2 {
      #expect(try await host.end(of: saved)["status"] == "finished")
      #expect(try await host.curl("\(Host.site)/status/\(later)").status == 404)
      #expect(try await host.end(of: host.submit())["status"] == "finished")
      #expect(try await host.sh("redis-cli GET before-wf") == "kept")
      // The next start begins with the same.
      try await host.sh("systemctl restart redis-server; redis-cli CONFIG GET appendonly | grep -x yes")
    }
  }
}

import SystemHarness
import Testing

/// People who use the commands on a host where wf is installed.
extension HostTests {
  private func run(_ command: String..., as user: String, on host: Host) async throws -> Host.Outcome {
    try await host.run(["setpriv", "--reuid=\(user)", "--regid=nogroup", "--init-groups"] + command)
  }

  @Test func `the commands for people use the host's settings, for root and the group wf`() async throws {
    let host = try await SharedHost.get()
    // The site's name leads to a public address of the host, as in DNS.
    try await host.sh("sed -i 's/^127.0.0.1 wf.test$/10.9.8.7 wf.test/' /etc/hosts; useradd -G wf ana; useradd bob")
    let root = try await host.run(["wf", "run", "--example"])
    let id = try await host.submit()
    let member = try await run("wf", "status", id, as: "ana", on: host)
    let settings = try await run("wf", "config", as: "ana", on: host)
    let other = try await run("wf", "status", id, as: "bob", on: host)
    let pointed = try await run("env", "WF_URL=\(Host.site)", "wf", "status", id, as: "bob", on: host)
    try await host.sh("sed -i 's/^10.9.8.7 wf.test$/127.0.0.1 wf.test/' /etc/hosts; userdel ana; userdel bob")
    #expect(root.code == 0 && root.output.contains("summarize-then-store"))
    #expect(root.error.hasPrefix("wf: using the settings of /etc/wf/wf.env\n"))
    #expect(member.code == 0 && member.error == "wf: using the settings of /etc/wf/wf.env\n")
    let row = settings.output.split(separator: "\n").first { $0.hasPrefix("WF_URL=\(Host.site) ") }
    #expect(row?.hasSuffix(" /etc/wf/wf.env") == true)
    #expect(other.code == 69)
    #expect(other.error.hasPrefix("wf: /etc/wf/wf.env is not used: only root and its group may read it"))
    #expect(pointed.code == 0 && pointed.error == "")
  }
}

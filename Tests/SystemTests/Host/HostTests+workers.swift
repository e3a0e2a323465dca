import ExactJSON
import SystemHarness
import Testing

/// Several workers on one host, and what becomes of all of them together.
extension HostTests {
  private static let links = "/etc/systemd/system/wf-worker.target.wants"

  /// The workers of this host that are active.
  private func active(_ host: Host) async throws -> String {
    try await host.sh(
      """
      for unit in wf-worker wf-worker@2 wf-worker@3; do
        ! systemctl -q is-active $unit || printf '%s ' $unit
      done
      """)
  }

  @Test func `All workers of a host are started, stopped and restarted by one name, and the first by its own`()
    async throws
  {
    let host = try await SharedHost.get()
    try await host.sh("systemctl enable --now wf-worker@2 wf-worker@3")
    let old = try await processes(host, "wf-worker", "wf-worker@2", "wf-worker@3")
    try await host.sh("systemctl restart wf-worker.target")
    let new = try await processes(host, "wf-worker", "wf-worker@2", "wf-worker@3")
    #expect(Set(new).isDisjoint(with: old + ["0"]))
    try await host.sh("systemctl stop wf-worker.target")
    #expect(try await active(host) == "")
    try await host.sh("systemctl start wf-worker")
    #expect(try await active(host) == "wf-worker ")
    try await host.sh("systemctl stop wf-worker.target")
    #expect(try await active(host) == "")
    try await host.sh("systemctl start wf-worker@3")
    #expect(try await active(host) == "wf-worker@3 ")
    try await host.sh("systemctl start wf-worker.target")
    #expect(try await active(host) == "wf-worker wf-worker@2 wf-worker@3 ")
    try await host.sh("systemctl disable --now wf-worker@2 wf-worker@3; systemctl restart wf-worker.target")
    #expect(try await active(host) == "wf-worker ")
    #expect(try await host.end(of: host.submit())["status"] == "finished")
  }

  @Test func `An upgrade from a package without a target lets enabled workers join it, and no others`() async throws {
    let host = try await SharedHost.get()
    try await host.sh(
      """
      systemctl enable wf-worker@2
      rm -r \(Self.links) /etc/systemd/system/multi-user.target.wants/wf-worker.target
      systemctl daemon-reload
      """)
    let doctor = try await host.run(["wf", "doctor"]).output
    #expect(doctor.contains("systemctl enable wf-worker.service"))
    try await upgrade(host)
    #expect(try await host.sh("ls \(Self.links)") == "wf-worker.service\nwf-worker@2.service")
    #expect(try await host.sh("systemctl is-enabled wf-worker.target") == "enabled")
    #expect(try await active(host) == "wf-worker ")
    #expect(try await !host.run(["wf", "doctor"]).output.contains("wf-worker.target does not start"))
    try await host.sh("systemctl disable wf-worker@2 wf-worker.target")
    try await upgrade(host)
    #expect(try await host.sh("ls \(Self.links)") == "wf-worker.service")
    #expect(try await host.sh("systemctl is-enabled wf-worker.target || :") == "disabled")
    try await host.sh("systemctl enable wf-worker.target")
  }

  @Test func `Drained workers say so, and take runs again when they are restarted together`() async throws {
    let host = try await SharedHost.get()
    try await host.sh("systemctl start wf-worker@2")
    _ = try await wait("two workers") {
      try await host.curl("\(Host.site)/status/health").json["workers"]?.numberValue?.int == 2 ? true : nil
    }
    try await host.sh("wf drain --host \"$(hostname)\" --wait")
    for unit in ["wf-worker", "wf-worker@2"] {
      _ = try await wait("the status of \(unit)") {
        try await host.property("StatusText", of: unit).hasPrefix("drained") ? true : nil
      }
    }
    let id = try await host.submit()
    #expect(try await host.curl("\(Host.site)/status/health").status == 503)
    #expect(try await host.run(["wf", "doctor"]).output.contains("2 workers are drained"))
    #expect(try await host.status(id)["status"] == "queued")
    try await host.sh("systemctl restart wf-worker.target")
    #expect(try await host.end(of: id)["status"] == "finished")
    try await host.sh("systemctl stop wf-worker@2")
  }
}

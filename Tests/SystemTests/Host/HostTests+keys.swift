import SystemHarness
import Testing

/// Keys of the API on a host where wf is installed.
extension HostTests {
  @Test func `the service reads the file of keys behind its sandbox, and again when it changes`() async throws {
    let host = try await SharedHost.get()
    let file = "/etc/wf/api-keys"
    let first = try await host.run(["wf", "keys", "add", "ana", "--file", file])
    #expect(first.code == 0, "\(first.error)")
    let key = first.output.filter { !$0.isWhitespace }
    #expect(try await host.sh("stat -c '%U %G %a' \(file)") == "root wf 640")
    func health(_ key: String?) async throws -> Host.Answer { try await self.health(host, key) }
    try await host.with(settings: ["WF_API_KEYS_FILE": file], cleanup: "rm -f \(file)") {
      _ = try await wait("the API with keys") { try await health(key).status == 200 ? true : nil }
      let refused = try await health(nil)
      #expect(refused.status == 401)
      #expect(refused.headers["www-authenticate"] == #"Bearer realm="wf""#)
      let second = try await host.sh("wf keys add ben").filter { !$0.isWhitespace }
      _ = try await wait("ben's key", within: .seconds(10)) { try await health(second).status == 200 ? true : nil }
      try await host.sh("wf keys revoke ben")
      _ = try await wait("its revocation", within: .seconds(10)) { try await health(second).status == 401 ? true : nil }
      #expect(try await host.run(["env", "WF_API_KEY=\(key)", "wf", "run", "--example"]).code == 0)
      #expect(try await host.run(["wf", "run", "--example"]).code == 77)

      try await examine(host, file, key)
    }
    let places = "journalctl -o cat -u 'wf-*' -u nginx; cat /var/log/nginx/*.log"
    #expect(try await host.sh("(\(places)) | grep -c -F \(key) || true") == "0")
  }

  private func health(_ host: Host, _ key: String?) async throws -> Host.Answer {
    try await host.curl((key.map { ["-H", "Authorization: Bearer \($0)"] } ?? []) + ["\(Host.site)/status/health"])
  }

  /// What wf doctor says of the file, also while the service may not read it.
  private func examine(_ host: Host, _ file: String, _ key: String) async throws {
    let doctor = try await host.run(["env", "WF_API_KEY=\(key)", "wf", "doctor"]).output
    #expect(doctor.contains("ok       \(file) has 1 key of 1 name"))
    #expect(doctor.contains("worker is alive"))
    #expect(try await host.run(["wf", "doctor"]).output.contains("answers, and wants a key"))
    // What the service may not read: the keys stay, and it is said.
    try await host.sh("chgrp root \(file); echo '# changed' >> \(file)")
    _ = try await wait("the warning", within: .seconds(10)) {
      try await health(host, key).body.contains("\(file): Permission denied; the keys that were read last stay")
        ? true : nil
    }
    let blind = try await host.run(["env", "WF_API_KEY=\(key)", "wf", "doctor"])
    #expect(blind.code == 1 && blind.output.contains("FAILED   wf-api may not read \(file)"))
    #expect(blind.output.contains("→ chgrp wf \(file); chmod 640 \(file)"))
    try await host.sh("chgrp wf \(file)")
    _ = try await wait("the file again", within: .seconds(10)) {
      try await health(host, key).body.contains("warnings") ? nil : true
    }
  }
}

import SystemHarness
import Testing

/// `wf doctor` on a host with each fault that an operator meets.
extension HostTests {
  /// Something that is wrong with a host.
  private struct Fault {
    let name: String
    /// Scripts that cause it and take it away.
    let cause: String
    let cure: String
    /// What the doctor prints, beginnings of lines or parts of them.
    let signs: [String]
    var isBroken = true
  }

  private static let faults = [
    Fault(
      name: "Redis is full", cause: "redis-cli CONFIG SET maxmemory 1", cure: "redis-cli CONFIG SET maxmemory 0",
      signs: ["FAILED   Redis", "maxmemory"]),
    Fault(
      name: "Redis wants a password", cause: "redis-cli CONFIG SET requirepass hush",
      cure: "redis-cli -a hush CONFIG SET requirepass ''", signs: ["FAILED   Redis", "NOAUTH", "password"]),
    Fault(
      name: "nginx is stopped", cause: "systemctl stop nginx", cure: "systemctl start nginx",
      signs: ["FAILED   nginx.service is inactive", "→ systemctl start nginx.service", "does not answer"]),
    Fault(
      name: "nginx's configuration is faulty", cause: "echo 'listn 1;' > /etc/nginx/sites-enabled/faulty",
      cure: "rm /etc/nginx/sites-enabled/faulty",
      signs: [
        "FAILED   nginx -t fails: ", "[emerg]", "unknown directive \"listn\" in /etc/nginx/sites-enabled/faulty:1",
        "→ correct it, then nginx -t && systemctl reload nginx",
      ]),
    Fault(
      name: "the socket is inactive", cause: "systemctl stop wf-api.socket wf-api",
      cure: "systemctl start wf-api.socket",
      signs: ["FAILED   wf-api.socket is inactive", "→ systemctl start wf-api.socket", "answers 502"]),
    Fault(
      name: "the worker is stopped", cause: "systemctl stop wf-worker", cure: "systemctl start wf-worker",
      signs: [
        "FAILED   wf-worker.service is inactive", "→ systemctl start wf-worker.service",
        "answers 503: no worker is alive", "→ systemctl start wf-worker, on this host or another",
      ]),
    Fault(
      name: "one enabled worker of two is down", cause: "systemctl enable wf-worker@7",
      cure: "systemctl disable wf-worker@7",
      signs: ["FAILED   wf-worker@7.service is inactive", "ok       wf-worker.service is active"]),
    Fault(
      name: "the worker is masked", cause: "systemctl mask --now wf-worker",
      cure: "systemctl unmask wf-worker; systemctl enable --now wf-worker",
      signs: ["warning  wf-worker.service is masked", "→ systemctl unmask wf-worker.service", "no worker is alive"]),
    Fault(
      name: "a setting is misspelt", cause: "echo WF_LEAES_S=9 >> /etc/wf/wf.env",
      cure: "sed -i '/^WF_LEAES_S/d' /etc/wf/wf.env",
      signs: [
        "FAILED   WF_LEAES_S in /etc/wf/wf.env is no setting of wf; did you mean WF_LEASE_S?",
        "→ correct it, then systemctl restart wf-api 'wf-worker*'", "ok       nginx forwards to wf",
        "ok       the API at https://wf.test answers",
      ]),
    Fault(
      name: "a line of the settings is faulty", cause: "echo 'export WF_LEASE_S=9' >> /etc/wf/wf.env",
      cure: "sed -i '/^export/d' /etc/wf/wf.env", signs: ["FAILED   /etc/wf/wf.env, line ", "systemd ignores"]),
    Fault(
      name: "the host is for workers only",
      cause: """
        cp -p /etc/wf/wf.env /root/wf.env; sed -i '/^WF_URL/d' /etc/wf/wf.env
        systemctl stop wf-api.socket wf-api; mv /usr/sbin/nginx /usr/sbin/nginx.away
        """,
      cure: """
        mv /usr/sbin/nginx.away /usr/sbin/nginx; systemctl start wf-api.socket; mv /root/wf.env /etc/wf/wf.env
        """,
      signs: ["ok       wf-worker.service is active", "taken for a host with workers only"], isBroken: false),
    Fault(
      name: "the API is disabled, although nginx is there",
      cause: """
        cp -p /etc/wf/wf.env /root/wf.env; sed -i '/^WF_URL/d' /etc/wf/wf.env
        systemctl disable --now wf-api.socket wf-api
        """,
      // The service reads its settings as it starts.
      cure: "mv /root/wf.env /etc/wf/wf.env; systemctl enable --now wf-api.socket wf-api",
      signs: ["wf-api.socket and wf-api are disabled", "taken for a host with workers only"], isBroken: false),
  ]

  @Test func `wf doctor names each fault of a host and its remedy`() async throws {
    let host = try await SharedHost.get()
    let enabled = "systemctl is-enabled wf-api.socket wf-api wf-worker"
    let before = try await host.sh(enabled)
    for fault in HostTests.faults {
      try await host.sh(fault.cause)
      // The services notice some faults a moment later.
      let outcome = try? await wait(fault.name, within: .seconds(30)) {
        let outcome = try await host.run(["wf", "doctor"])
        return fault.signs.allSatisfy(outcome.output.contains) ? outcome : nil
      }
      let last = try await host.run(["wf", "doctor"])
      try await host.sh(fault.cure)
      #expect(outcome != nil, "\(fault.name):\n\(last.output)\(last.error)")
      #expect(outcome.map { $0.code == (fault.isBroken ? 1 : 0) } ?? true, "\(fault.name):\n\(last.output)")
    }
    let healthy = try? await wait("a content doctor", within: .seconds(30)) {
      let outcome = try await host.run(["wf", "doctor"])
      return outcome.output.contains("FAILED") ? nil : outcome
    }
    let last = try await host.run(["wf", "doctor"])
    #expect(healthy?.code == 0, "\(last.output)\(last.error)")
    #expect(try await host.sh(enabled) == before)
  }

  @Test func `wf doctor examines the model with the credentials of a worker that is stopped`() async throws {
    let host = try await SharedHost.get()
    try await host.sh(
      """
      mkdir -p /etc/systemd/system/wf-worker.service.d
      echo hush-model > /etc/wf/llm_api_key; chmod 600 /etc/wf/llm_api_key
      printf '[Service]\\nLoadCredential=llm_api_key:/etc/wf/llm_api_key\\n' > /etc/systemd/system/wf-worker.service.d/key.conf
      systemctl daemon-reload
      """)
    let cleanup = """
      rm -r /etc/systemd/system/wf-worker.service.d /etc/wf/llm_api_key
      systemctl daemon-reload
      """
    let model = ["WF_LLM_BASE_URL": "http://127.0.0.1:9000/v1", "WF_LLM_MODEL": "m"]
    try await host.with(settings: model, cleanup: cleanup) {
      try await host.sh("systemctl stop wf-worker; rm -f /run/model.calls /run/model.hold")
      let outcome = try await host.run(["wf", "doctor"])
      #expect(outcome.output.contains("ok       the model m answers"))
      #expect(try await host.sh("cut -d' ' -f2- /run/model.calls") == "Bearer hush-model")
      try await host.sh("mv /etc/wf/llm_api_key /etc/wf/away")
      let missing = try await host.run(["wf", "doctor"])
      try await host.sh("mv /etc/wf/away /etc/wf/llm_api_key")
      #expect(missing.output.contains("FAILED   the credential llm_api_key of wf-worker is not there"))
      #expect(missing.output.contains("→ put it into /etc/wf/llm_api_key"))
    }
  }
}

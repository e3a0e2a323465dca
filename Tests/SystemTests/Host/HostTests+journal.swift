import ExactJSON
import SystemHarness
import Testing

/// What the journal holds, and what it must not.
extension HostTests {
  /// The journal of the services since a moment.
  private func journal(_ host: Host, since moment: String) async throws -> [JSONObject] {
    try await host.sh("journalctl -o json -u 'wf-*' --since @\(moment)").split(separator: "\n").compactMap {
      try JSONValue(parsing: String($0)).objectValue
    }
  }

  @Test func `lines of the journal carry priority, job and request, the same in API and worker`() async throws {
    let host = try await SharedHost.get()
    let moment = try await host.sh("date +%s.%N")
    try await host.sh("systemctl restart wf-api wf-worker")
    let answer = try await host.post()
    let id = try #require(try answer.json["job_id"]?.stringValue)
    let request = try #require(answer.headers["x-request-id"])
    #expect(try await host.end(of: id)["status"] == "finished")
    for unit in ["wf-api.service", "wf-worker.service"] {
      let line = try await wait("the run's line of \(unit)") {
        try await journal(host, since: moment).first { entry in
          let message = entry["MESSAGE"]?.stringValue ?? ""
          return entry["_SYSTEMD_UNIT"]?.stringValue == unit && message.contains("job=\(id)")
            && message.contains("request=\(request)")
        }
      }
      #expect(line["PRIORITY"] == "6")
    }
    let starts = try await journal(host, since: moment).filter { entry in
      let message = entry["MESSAGE"]?.stringValue ?? ""
      return message.hasPrefix("api started") || message.hasPrefix("worker started")
    }
    #expect(starts.map { $0["PRIORITY"] } == ["5", "5"])
  }

  @Test func `credentials reach the services, and neither they nor a document's text reach the journal`() async throws {
    let host = try await SharedHost.get()
    try await host.sh(
      """
      (umask 077; echo hush-model > /etc/wf/llm_api_key; echo hush-redis > /etc/wf/redis_password)
      for unit in wf-api wf-worker; do
        mkdir -p /etc/systemd/system/$unit.service.d
        printf '[Service]\\nLoadCredential=llm_api_key:/etc/wf/llm_api_key\\n' > /etc/systemd/system/$unit.service.d/keys.conf
        echo LoadCredential=redis_password:/etc/wf/redis_password >> /etc/systemd/system/$unit.service.d/keys.conf
      done
      systemctl daemon-reload
      redis-cli CONFIG SET requirepass hush-redis
      sed 's/"text": *"/&secret words of a client /' /root/example.json > /root/secret.json
      grep -q 'secret words' /root/secret.json
      """)
    let cleanup = """
      redis-cli -a hush-redis CONFIG SET requirepass ''
      rm -r /etc/systemd/system/wf-api.service.d /etc/systemd/system/wf-worker.service.d
      rm /etc/wf/llm_api_key /etc/wf/redis_password
      systemctl daemon-reload
      """
    let settings = [
      "WF_LLM_BASE_URL": "http://127.0.0.1:9000/v1", "WF_LLM_MODEL": "m", "WF_LOG_LEVEL": "debug",
    ]
    try await host.with(settings: settings, cleanup: cleanup) { try await useCredentials(host) }
  }

  private func useCredentials(_ host: Host) async throws {
    try await host.sh("rm -f /run/model.calls")
    let id = try #require(try await host.post("/root/secret.json").json["job_id"]?.stringValue)
    let status = try await host.end(of: id)
    #expect(status.at("result", "outputs", "llm", "summary") == "in short")
    #expect(try await host.sh("cat /run/model.calls") == "\(id)/llm Bearer hush-model")
    let doctor = try await host.run(["wf", "doctor"])
    #expect(doctor.code == 0)
    #expect(doctor.output.contains("ok       the model m answers"))
    let journal = try await host.sh("journalctl --no-pager -o verbose --all")
    #expect(journal.contains(id))
    for secret in ["hush-model", "hush-redis", "secret words"] {
      #expect(!journal.contains(secret) && !doctor.output.contains(secret))
    }
  }
}

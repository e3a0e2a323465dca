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

  /// The line of a unit about a run.
  private func line(of unit: String, about id: String, _ host: Host, since moment: String) async throws -> JSONObject? {
    try await journal(host, since: moment).first { entry in
      entry["_SYSTEMD_UNIT"]?.stringValue == unit && entry["MESSAGE"]?.stringValue?.contains("job=\(id)") == true
    }
  }

  @Test func `at debug a run has a line with job and request in API and worker, and else none`() async throws {
    let host = try await SharedHost.get()
    let moment = try await host.sh("date +%s.%N")
    let quiet = try await host.submit()
    #expect(try await host.end(of: quiet)["status"] == "finished")
    try await host.with(settings: ["WF_LOG_LEVEL": "debug"]) {
      let answer = try await host.post()
      let id = try #require(try answer.json["job_id"]?.stringValue)
      let request = try #require(answer.headers["x-request-id"])
      #expect(try await host.end(of: id)["status"] == "finished")
      for unit in ["wf-api.service", "wf-worker.service"] {
        let found = try await wait("the run's line of \(unit)") {
          try await line(of: unit, about: id, host, since: moment)
        }
        #expect(found["PRIORITY"] == "7")
        #expect(found["MESSAGE"]?.stringValue?.contains("request=\(request)") == true)
      }
    }
    // Later lines are in the journal by now.
    for unit in ["wf-api.service", "wf-worker.service"] {
      #expect(try await line(of: unit, about: quiet, host, since: moment) == nil)
    }
    let starts = try await journal(host, since: moment).filter { entry in
      let message = entry["MESSAGE"]?.stringValue ?? ""
      return message.hasPrefix("api started") || message.hasPrefix("worker started")
    }
    #expect(starts.count >= 2)
    #expect(starts.allSatisfy { $0["PRIORITY"] == "5" })
  }

  @Test func `a run that fails has a line, and so has a refusal`() async throws {
    let host = try await SharedHost.get()
    let moment = try await host.sh("date +%s.%N")
    let steps = #"[{"id":"pre","op":"preprocess"},{"id":"a","op":"store_result","params":{"data":"@pre.missing"}}]"#
    let body = #"{"run_name":"x","steps":\#(steps)}"#
    try host.write(body, to: "/root/failing.json")
    let id = try #require(try await host.post("/root/failing.json").json["job_id"]?.stringValue)
    #expect(try await host.end(of: id)["status"] == "failed")
    _ = try await wait("the line of the failed run") {
      try await line(of: "wf-worker.service", about: id, host, since: moment)
    }
    try host.write("{", to: "/root/failing.json")
    let request = try #require(try await host.post("/root/failing.json").headers["x-request-id"])
    _ = try await wait("the line of the refusal") {
      try await journal(host, since: moment).first {
        $0["MESSAGE"]?.stringValue?.contains("request=\(request)") == true
      }
    }
  }

  @Test func `credentials reach every service, and neither they nor a document's text reach the journal`() async throws
  {
    let host = try await SharedHost.get()
    try await host.sh(
      """
      (umask 077; echo hush-model > /etc/credstore/llm_api_key; echo hush-redis > /etc/credstore/redis_password)
      redis-cli CONFIG SET requirepass hush-redis
      sed 's/"text": *"/&secret words of a client /' /root/example.json > /root/secret.json
      grep -q 'secret words' /root/secret.json
      """)
    let cleanup = """
      redis-cli -a hush-redis CONFIG SET requirepass ''
      systemctl stop wf-worker@2
      rm /etc/credstore/llm_api_key /etc/credstore/redis_password
      """
    let settings = [
      "WF_LLM_BASE_URL": "http://127.0.0.1:9000/v1", "WF_LLM_MODEL": "m", "WF_LOG_LEVEL": "debug",
    ]
    try await host.with(settings: settings, cleanup: cleanup) {
      try await useCredentials(host)
      // The instances of the template have them too.
      try await host.sh("systemctl stop wf-worker; systemctl start wf-worker@2")
      try await useCredentials(host, doctor: false)
      try await host.sh("systemctl start wf-worker")
    }
  }

  private func useCredentials(_ host: Host, doctor asksDoctor: Bool = true) async throws {
    try await host.sh("rm -f /run/model.calls")
    let id = try #require(try await host.post("/root/secret.json").json["job_id"]?.stringValue)
    let status = try await host.end(of: id)
    #expect(status.at("result", "outputs", "llm", "summary") == "in short")
    #expect(try await host.sh("cat /run/model.calls") == "\(id)/llm Bearer hush-model")
    let doctor = try await host.run(["wf", "doctor"])
    if asksDoctor {
      #expect(doctor.code == 0)
      #expect(doctor.output.contains("ok       the model m answers"))
    }
    let journal = try await host.sh("journalctl --no-pager -o verbose --all")
    #expect(journal.contains(id))
    for secret in ["hush-model", "hush-redis", "secret words"] {
      #expect(!journal.contains(secret) && !doctor.output.contains(secret))
    }
  }
}

import ExactJSON
import SystemHarness
import Testing

/// Services are killed, stopped and restarted: accepted runs go on, and clients notice nothing.
extension HostTests {
  /// Sends a signal to a unit's process and waits until systemd has started another.
  private func kill(_ unit: String, _ signal: String = "KILL", on host: Host) async throws {
    let restarts = Int(try await host.property("NRestarts", of: unit)) ?? 0
    try await host.sh("kill -s \(signal) $(systemctl show --value -p MainPID \(unit))")
    _ = try await wait("the restart of \(unit)") {
      try await host.isTrue(
        "test $(systemctl show --value -p NRestarts \(unit)) = \(restarts + 1) && systemctl is-active \(unit)")
    }
  }

  @Test func `killed services come back, and work goes on`() async throws {
    let host = try await SharedHost.get()
    try await host.withRunInTheMiddle(settings: ["WF_LEASE_S": "2"]) { id, release in
      try await kill("wf-api", on: host)
      try await kill("wf-worker", on: host)
      try await host.waitForCalls(2)
      try await release()
      let status = try await host.end(of: id)
      #expect(status["status"] == "finished")
      #expect(status.messages.contains("resumed"))
      #expect(try await host.end(of: host.submit())["status"] == "finished")
    }
  }

  @Test func `more kills than systemd's usual limit of starts stop nobody`() async throws {
    let host = try await SharedHost.get()
    for _ in 1...6 { try await kill("wf-worker", on: host) }
    #expect(try await host.end(of: host.submit())["status"] == "finished")
  }

  @Test func `whatever signal ends a service, systemd starts it again`() async throws {
    let host = try await SharedHost.get()
    for unit in ["wf-api", "wf-worker"] {
      for signal in ["TERM", "HUP", "INT"] {
        try await kill(unit, signal, on: host)
        let code = "journalctl -u \(unit) -o cat | grep -F 'Main process exited' | tail -n 1"
        #expect(try await !host.sh("\(code) || :").contains("status=1/"))
      }
    }
    #expect(try await host.end(of: host.submit())["status"] == "finished")
  }

  @Test func `a stop may take as long as the settings say, whatever the unit says`() async throws {
    let host = try await SharedHost.get()
    let folder = "/run/systemd/system/wf-worker.service.d"
    try await host.sh(
      """
      mkdir -p \(folder)
      printf '[Service]\\nTimeoutStopSec=1\\n' > \(folder)/stop.conf
      systemctl daemon-reload
      """)
    try await host.withRunInTheMiddle(settings: ["WF_DRAIN_S": "60"]) { id, release in
      let moment = try await host.sh("date +%s.%N; systemctl stop --no-block wf-worker")
      // Three times the unit's timeout, on the clock that systemd goes by.
      _ = try await wait("three seconds of stopping") {
        try await host.isTrue("test $(date +%s) -ge $((\(moment.prefix { $0 != "." }) + 4))")
      }
      try await release()
      #expect(try await host.end(of: id)["status"] == "finished")
      _ = try await wait("the end of the worker") {
        try await host.property("ActiveState", of: "wf-worker") == "inactive" ? true : nil
      }
      #expect(try await host.property("Result", of: "wf-worker") == "success")
      #expect(try await host.sh("wc -l < /run/model.calls") == "1")
    }
    try await host.sh("rm -r \(folder); systemctl daemon-reload")
  }

  @Test func `a worker stopped in the middle of a run loses nothing`() async throws {
    let host = try await SharedHost.get()
    try await host.withRunInTheMiddle(settings: ["WF_DRAIN_S": "0.5", "WF_LEASE_S": "600"]) { id, release in
      try await host.sh("systemctl stop wf-worker")
      #expect(try await host.status(id)["status"] == "queued")
      #expect(try await host.property("Result", of: "wf-worker") == "success")
      try await host.sh("systemctl start wf-worker")
      try await host.waitForCalls(2)
      try await release()
      let status = try await host.end(of: id)
      #expect(status["status"] == "finished")
      #expect(status.messages.count { $0 == "step_start pre" } == 1)
      #expect(try await host.sh("cut -d' ' -f1 /run/model.calls | sort -u") == "\(id)/llm")
    }
  }

  @Test func `restarts of the API under load fail no request`() async throws {
    let host = try await SharedHost.get()
    let load = try await Load.run(on: host) { try await host.sh("systemctl restart wf-api") }
    #expect(load.codes == ["202"])
    #expect(load.jobs == load.answers)
    try await load.finish()
  }

  @Test func `an API killed under load fails few requests, honestly, and makes no job twice`() async throws {
    let host = try await SharedHost.get()
    let before = try await Load.countJobs(on: host)
    let load = try await Load.run(on: host) { try await kill("wf-api", on: host) }
    // nginx sends a request again when a kept connection breaks; else it says honestly that it does not know.
    #expect(load.codes.isSubset(of: ["202", "502"]))
    #expect(load.jobs == load.accepted)
    // A request that nginx has sent again is the job of its first sending.
    let made = try await Load.countJobs(on: host) - before
    #expect((load.accepted...load.answers).contains(made))
    try await load.finish()
  }
}

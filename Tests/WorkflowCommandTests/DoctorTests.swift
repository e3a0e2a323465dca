import Curl
import ExactJSON
import ModelServer
import Scheduling
import Testing

@testable import WorkflowCommand

/// What `wf doctor` makes of what it sees; the real host is booted by `HostTests`.
@Suite struct DoctorTests {
  @Test func `nginx's room for clients is judged by the directives in force`() {
    let usual = "worker_processes auto;\nevents {\n\tworker_connections 768;\n\t# multi_accept on;\n}\n"
    #expect(NginxCheck.capacity(usual, descriptors: 1_024).outcome == .warning)
    #expect(NginxCheck.capacity(usual, descriptors: nil).what.contains("holds 768 connections"))
    #expect(NginxCheck.capacity("events {}", descriptors: nil).what.contains("holds 512 connections"))
    let wide = "events{worker_connections 8192;}"
    #expect(NginxCheck.capacity(wide, descriptors: 1_024).what.contains("may open 1024 files"))
    #expect(NginxCheck.capacity("worker_rlimit_nofile 16384;" + wide, descriptors: 1_024).outcome == .ok)
    #expect(NginxCheck.capacity(wide, descriptors: nil).outcome == .ok)
  }

  @Test func `a host without time zones is told what that means`() {
    #expect(HostCheck.timeZones(.system).isEmpty)
    let bare = HostCheck.timeZones(TimeZoneFolder(path: "/nonexistent"))
    #expect(bare.count == 1 && bare[0].outcome == .warning && bare[0].remedy == "apt-get install tzdata")
    #expect(bare[0].what.contains("/nonexistent does not exist"))
  }

  @Test func `connections that nginx keeps leave the API room for others`() {
    let configuration =
      "worker_processes 32;\nupstream wf { server unix:/s; keepalive 64; }\nserver { keepalive_timeout 9; }"
    #expect(NginxCheck.keptConnections(configuration, apiConnections: 4_096) == nil)
    let result = NginxCheck.keptConnections(configuration, apiConnections: 4_000)
    #expect(result?.what.contains("may keep 2048 connections") == true)
    #expect(NginxCheck.keptConnections("worker_processes 9;", apiConnections: 1) == nil)
  }

  @Test func `nginx's refusal is quoted, and a lack of rights is no fault of the configuration`() {
    let broken = NginxCheck.refusal(
      """
      nginx: [warn] something
      nginx: [emerg] unknown directive "listn" in /etc/nginx/sites-enabled/wf:20
      nginx: configuration file /etc/nginx/nginx.conf test failed
      """)
    #expect(broken.outcome == .failed)
    #expect(
      broken.what == "nginx -t fails: nginx: [emerg] unknown directive \"listn\" in /etc/nginx/sites-enabled/wf:20")
    let denied = NginxCheck.refusal(
      "nginx: [emerg] open() \"/etc/ssl/private/wf.key\" failed (13: Permission denied)")
    #expect(denied.outcome == .warning)
  }

  @Test func `credentials are found by the units' text`() {
    let text = """
      # /lib/systemd/system/wf-worker.service
      LoadCredential=gone:/gone
      LoadCredential=
      # /etc/systemd/system/wf-worker.service.d/keys.conf
      LoadCredential=llm_api_key:/etc/wf/llm_api_key
      LoadCredential=redis_password
      """
    #expect(
      HostCredentials.sources(in: text) == [
        "llm_api_key": "/etc/wf/llm_api_key", "redis_password": "redis_password",
      ])
  }

  private func result(_ status: Int, _ body: String) async throws -> CheckResult { try await results(status, body)[0] }

  private func results(_ status: Int, _ body: String) async throws -> [CheckResult] {
    let server = try ModelServer()
    defer { server.close() }
    server.behaviour = .status(status, body: body)
    return await APICheck(url: "http://127.0.0.1:\(server.port)").results()
  }

  @Test func `the API's health is told with its reason`() async throws {
    let well = try await result(200, #"{"status":"ok","redis":"ok","workers":2}"#)
    #expect(well.outcome == .ok && well.what.hasSuffix("answers, and 2 workers are alive"))
    let alone = try await result(503, #"{"status":"unavailable","redis":"ok","workers":0,"detail":"no worker"}"#)
    #expect(alone.outcome == .failed && alone.what.hasSuffix("answers 503: no worker"))
    #expect(alone.remedy?.contains("systemctl start wf-worker") == true)
    let away = try await result(503, #"{"status":"unavailable","redis":"unavailable","detail":"OOM"}"#)
    #expect(away.what.hasSuffix("answers 503: OOM") && away.remedy?.contains("Redis") == true)
    let overdue = try await result(503, #"{"status":"unavailable","redis":"ok","workers":1,"detail":"overdue"}"#)
    #expect(overdue.outcome == .failed && overdue.what.hasSuffix("answers 503: overdue"))
    let foreign = try await result(401, #"{"detail":"local clients only"}"#)
    #expect(foreign.outcome == .failed && foreign.what.contains("local clients only"))
    let nginx = try await result(502, #"{"detail":"the API could not be reached"}"#)
    #expect(nginx.outcome == .failed && nginx.remedy?.contains("journalctl -u wf-api") == true)
    for (status, body) in [(200, "<html>"), (404, "<html>"), (200, "{}"), (503, "{}")] {
      #expect(try await result(status, body).what.contains("but not as wf does"))
    }
  }

  @Test func `what queued runs wait for is told, and drained workers`() async throws {
    let missing = #"[{"operation":"shout","runs":2},{"field":"foreach","runs":1},{"operations":"a, b","runs":1},{},1]"#
    let facts = #"{"status":"ok","redis":"ok","workers":1,"drained":1,"missing":\#(missing)}"#
    let found = try await results(200, facts)
    #expect(found[0].outcome == .ok && found.dropFirst().allSatisfy { $0.outcome == .warning })
    #expect(
      found.dropFirst().map(\.what) == [
        "2 queued runs: no live worker has the operation shout", "1 queued run: no live worker has the field foreach",
        "1 queued run: no live worker has all of a, b", "1 worker is drained: alive, but taking no runs",
      ])
    let none = try await result(503, #"{"redis":"ok","workers":0,"drained":1,"detail":"the only worker is drained"}"#)
    #expect(none.outcome == .failed && none.remedy?.contains("wf workers") == true)
  }

  @Test func `a failure of TLS names the certificate and what to do`() {
    let failures: [(HTTPError, String)] = [
      (.untrusted("SSL certificate problem: self-signed certificate"), "update-ca-certificates"),
      (.untrusted("SSL certificate problem: certificate has expired"), "Renew the certificate"),
      (.untrusted("SSL: no alternative certificate subject name matches target host name 'x'"), "WF_URL must have"),
      (.tlsFailed("wrong version number"), "http://"), (.cannotConnect("refused"), "Is wf running there?"),
    ]
    for (error, remedy) in failures { #expect(APIClient.remedy(for: error).contains(remedy)) }
  }
}

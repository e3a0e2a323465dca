import Curl
import ExactJSON
import ModelServer
import Testing

@testable import WorkflowCommand

/// What `wf doctor` makes of what it sees; the real host is booted by `HostTests`.
@Suite struct DoctorTests {
  @Test func `nginx's room for clients is judged by the directives in force`() {
    let usual = "worker_processes auto;\nevents {\n\tworker_connections 768;\n\t# multi_accept on;\n}\n"
    #expect(NginxExamination.capacity(usual, descriptors: 1_024).verdict == .doubtful)
    #expect(NginxExamination.capacity(usual, descriptors: nil).what.contains("holds 768 connections"))
    #expect(NginxExamination.capacity("events {}", descriptors: nil).what.contains("holds 512 connections"))
    let wide = "events{worker_connections 8192;}"
    #expect(NginxExamination.capacity(wide, descriptors: 1_024).what.contains("may open 1024 files"))
    #expect(NginxExamination.capacity("worker_rlimit_nofile 16384;" + wide, descriptors: 1_024).verdict == .fine)
    #expect(NginxExamination.capacity(wide, descriptors: nil).verdict == .fine)
  }

  @Test func `connections that nginx keeps leave the API room for others`() {
    let configuration =
      "worker_processes 32;\nupstream wf { server unix:/s; keepalive 64; }\nserver { keepalive_timeout 9; }"
    #expect(NginxExamination.keptConnections(configuration, apiConnections: 4_096) == nil)
    let finding = NginxExamination.keptConnections(configuration, apiConnections: 4_000)
    #expect(finding?.what.contains("may keep 2048 connections") == true)
    #expect(NginxExamination.keptConnections("worker_processes 9;", apiConnections: 1) == nil)
  }

  @Test func `nginx's refusal is quoted, and a lack of rights is no fault of the configuration`() {
    let broken = NginxExamination.refusal(
      """
      nginx: [warn] something
      nginx: [emerg] unknown directive "listn" in /etc/nginx/sites-enabled/wf:20
      nginx: configuration file /etc/nginx/nginx.conf test failed
      """)
    #expect(broken.verdict == .broken)
    #expect(
      broken.what == "nginx -t fails: nginx: [emerg] unknown directive \"listn\" in /etc/nginx/sites-enabled/wf:20")
    let denied = NginxExamination.refusal(
      "nginx: [emerg] open() \"/etc/ssl/private/wf.key\" failed (13: Permission denied)")
    #expect(denied.verdict == .doubtful)
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

  private func finding(_ status: Int, _ body: String) async throws -> Finding {
    let server = try ModelServer()
    defer { server.close() }
    server.behaviour = .status(status, body: body)
    return await APIExamination(url: "http://127.0.0.1:\(server.port)").finding()
  }

  @Test func `the API's health is told with its reason`() async throws {
    let well = try await finding(200, #"{"status":"ok","redis":"ok","workers":2}"#)
    #expect(well.verdict == .fine && well.what.hasSuffix("answers, and 2 workers are alive"))
    let alone = try await finding(503, #"{"status":"unavailable","redis":"ok","workers":0,"detail":"no worker"}"#)
    #expect(alone.verdict == .broken && alone.what.hasSuffix("answers 503: no worker"))
    #expect(alone.remedy?.contains("systemctl start wf-worker") == true)
    let away = try await finding(503, #"{"status":"unavailable","redis":"unavailable","detail":"OOM"}"#)
    #expect(away.what.hasSuffix("answers 503: OOM") && away.remedy?.contains("Redis") == true)
    let overdue = try await finding(503, #"{"status":"unavailable","redis":"ok","workers":1,"detail":"overdue"}"#)
    #expect(overdue.verdict == .broken && overdue.what.hasSuffix("answers 503: overdue"))
    let foreign = try await finding(401, #"{"detail":"local clients only"}"#)
    #expect(foreign.verdict == .broken && foreign.what.contains("local clients only"))
    let nginx = try await finding(502, #"{"detail":"the API could not be reached"}"#)
    #expect(nginx.verdict == .broken && nginx.remedy?.contains("journalctl -u wf-api") == true)
    for (status, body) in [(200, "<html>"), (404, "<html>"), (200, "{}"), (503, "{}")] {
      #expect(try await finding(status, body).what.contains("but not as wf does"))
    }
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

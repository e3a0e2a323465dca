import Curl
import ExactJSON
import Glibc
import Hiredis
import RedisFixture
import SystemHarness
import Testing

/// API and worker that reach Redis by TLS.
@Suite(.timeLimit(.minutes(3))) struct TLSStackTests {
  private let http = HTTPClient()

  private func send(
    _ tls: TLSStack, _ method: String = "GET", _ path: String, body: [UInt8]? = nil
  ) async throws -> HTTPResponse {
    let headers = body == nil ? [] : [("Content-Type", "application/json")]
    return try await http.send(
      HTTPRequest(
        method: method, url: tls.url + path, headers: headers, body: body, timeout: .seconds(60),
        maxResponseBytes: 64 << 20))
  }

  private func submit(_ tls: TLSStack, _ body: JSONValue) async throws -> String? {
    let answer = try await send(tls, "POST", "/workflow/run", body: body.bytes)
    return answer.status == 202 ? try answer.json["job_id"]?.stringValue : nil
  }

  @Test(arguments: [false, true])
  func `Runs are accepted, executed and followed over TLS`(asksClients: Bool) async throws {
    try await TLSStack.with(asksClients: asksClients) { tls in
      let text = String(repeating: "A sentence of the long text. ", count: 20_000)
      for body in [Examples.example, Examples.workflow(text: text)] {
        let id = try #require(try await submit(tls, body))
        let status = try await send(tls, "GET", "/status/\(id)?wait=60").json
        #expect(status["status"] == "finished")
        let events = try await send(tls, "GET", "/status/\(id)/events")
        #expect(String(decoding: events.body, as: UTF8.self).contains("finished"))
        #expect(try await Audit(tls.stack).problems(of: [id]) == [])
      }
      let health = try await send(tls, "GET", "/status/health").json
      #expect(health["workers"] == 1 && health["redis"] == "ok")
      // All connections of both services are at the port for TLS.
      let clients = try await tls.stack.command("CLIENT", "LIST").string?.split(separator: "\n") ?? []
      let workers = clients.filter { $0.contains(" name=wf-claims ") || $0.contains(" name=wf-wake ") }
      #expect(workers.count == 2 && workers.allSatisfy { !$0.contains("redis.sock") }, "\(workers)")
      let doctor = try await wf("doctor", settings: tls.settings)
      #expect(doctor.output.contains("at rediss://localhost:"))
    }
  }

  @Test func `No accepted run is lost when Redis is killed under load`() async throws {
    try await TLSStack.with(redis: ["appendonly yes", "appendfsync always"]) { tls in
      let isOver = Flag()
      let accepted = try await withThrowingTaskGroup(of: [String].self) { group in
        for _ in 0..<6 {
          group.addTask {
            var ids: [String] = []
            while !isOver.isSet { if let id = try await submit(tls, Examples.example) { ids.append(id) } }
            return ids
          }
        }
        for count in [200, 400] {
          _ = try await wait("some runs") { try await tls.stack.command("DBSIZE").int ?? 0 > count ? true : nil }
          let old = try tls.stack.processID(of: "redis")
          try tls.stack.signal(SIGKILL, to: "redis")
          try await tls.stack.waitForSuccessor(of: "redis", after: old)
        }
        isOver.set()
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(accepted.count > 20)
      for id in accepted { #expect(try await tls.stack.end(of: id)["status"] == "finished") }
      try await tls.stack.waitForAllEnds()
      #expect(try await Audit(tls.stack).problems(of: accepted) == [])
      // Neither service has ended.
      #expect(kill(tls.worker, 0) == 0)
    }
  }

  @Test func `wf doctor says what is wrong with TLS, and what to do`() async throws {
    let certificates = TLSCertificates()
    let port = Int(freePort())
    let server = RedisServer(isRunning: true, certificates.redisSettings(port: port, certificate: "elsewhere"))
    let outcome = try await wf(
      "doctor",
      settings: ["REDIS_URL": "rediss://localhost:\(port)", "REDIS_TLS_CA_FILE": certificates.path("ca.pem")])
    #expect(
      outcome.output.contains("Redis at rediss://localhost:\(port)/0: the server's certificate is not for localhost"))
    #expect(outcome.output.contains("give the server a certificate for localhost"))
    #expect(outcome.code == 1)
    withExtendedLifetime(server) {}
  }
}

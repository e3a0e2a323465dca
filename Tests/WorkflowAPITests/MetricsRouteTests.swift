import AccessKeys
import FastCGI
import Metrics
import RedisFixture
import Testing
import WorkflowStore

@testable import WorkflowAPI

/// `GET /status/metrics`.
@Suite(.timeLimit(.minutes(5))) struct MetricsRouteTests {
  /// The lines of an answer that are no comments, by name and labels.
  private func figures(_ answer: Answer) -> [String: String] {
    var figures: [String: String] = [:]
    for line in answer.text.split(separator: "\n") where !line.hasPrefix("#") {
      let parts = line.split(separator: " ")
      if parts.count >= 2 { figures[parts.dropLast().joined(separator: " ")] = String(parts[parts.count - 1]) }
    }
    return figures
  }

  @Test func `Requests count by route and status, and no text of a client is a label`() async throws {
    let api = try TestAPI()
    _ = try await api.submit()
    for _ in 1...2 { _ = await api.answer("GET", "/status/00000000-0000-4000-8000-000000000000") }
    _ = await api.answer("GET", "/secret/\u{1f600}")
    _ = await api.answer("BREW", "/status/health")
    let answer = await api.answer("GET", "/status/metrics")
    #expect(answer.status == 200)
    #expect(answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
    let figures = figures(answer)
    #expect(figures[#"wf_http_requests_total{method="POST",status="202",route="/workflow/run"}"#] == "1")
    #expect(figures[#"wf_http_requests_total{method="GET",status="404",route="/status/{job_id}"}"#] == "2")
    #expect(figures[#"wf_http_requests_total{method="other",status="404",route="other"}"#] == "1")
    #expect(figures[#"wf_http_requests_total{method="other",status="405",route="other"}"#] == "1")
    #expect(figures[#"wf_http_request_seconds_count{method="POST",route="/workflow/run"}"#] == "1")
    #expect(figures["wf_runs_queued"] == "1")
    #expect(figures["wf_redis_up"] == "1")
    #expect(figures[#"wf_workers{state="working"}"#] == "0")
    #expect(figures["wf_fallbacks_total"] == "0")
    #expect(!answer.text.contains("secret") && !answer.text.contains("BREW"))
  }

  @Test func `A page is counted under the pattern of its path, whatever other routes it asks`() async throws {
    let api = try TestAPI()
    let id = try await api.submit()
    let known = ["/status", "/status/health", "/status/\(id)", "/workflow", "/workflow/docs", "/workflow/schedules"]
    for path in known + ["/status/00000000-0000-4000-8000-000000000000", "/workflow/assets/none.css"] {
      _ = await api.answer("GET", path, headers: PageTests.browser)
    }
    let figures = figures(await api.answer("GET", "/status/metrics", headers: PageTests.browser))
    let counts = figures.filter { $0.key.hasPrefix("wf_http_requests_total") && !$0.key.contains("POST") }
    func name(_ status: Int, _ route: String) -> String {
      #"wf_http_requests_total{method="GET",status="\#(status)",route="\#(route)"}"#
    }
    let found = ["/status", "/status/{job_id}", "/workflow", "/workflow/docs", "/workflow/schedules"]
    let missing = ["/status/{job_id}", "/workflow/assets/{file}"]
    // No worker is alive.
    let expected = found.map { name(200, $0) } + missing.map { name(404, $0) } + [name(503, "/status/health")]
    #expect(counts.keys.sorted() == expected.sorted())
  }

  @Test func `A client that asks for OpenMetrics gets it`() async throws {
    let api = try TestAPI()
    let answer = await api.answer(
      "GET", "/status/metrics", headers: ["Accept": "application/openmetrics-text; version=1.0.0, text/plain;q=0.5"])
    #expect(answer.header("Content-Type") == "application/openmetrics-text; version=1.0.0; charset=utf-8")
    #expect(answer.header("Vary") == "Accept")
    #expect(answer.text.hasSuffix("# EOF\n"))
  }

  @Test func `A long poll is counted as a separate series`() async throws {
    let api = try TestAPI()
    let id = try await api.submit()
    _ = await api.answer("GET", "/status/\(id)?wait=1")
    _ = await api.answer("GET", "/status/\(id)")
    let figures = figures(await api.answer("GET", "/status/metrics"))
    #expect(figures[#"wf_http_request_seconds_count{method="GET",route="/status/{job_id}?wait"}"#] == "1")
    #expect(figures[#"wf_http_request_seconds_count{method="GET",route="/status/{job_id}"}"#] == "1")
    #expect(figures[#"wf_http_requests_total{method="GET",status="200",route="/status/{job_id}"}"#] == "2")
  }

  @Test func `Scrapes within a second ask Redis once`() async throws {
    let api = try TestAPI()
    let first = await api.answer("GET", "/status/metrics")
    _ = await api.answer("GET", "/status/none")
    // The second one is that of the first unless a second has passed.
    let start = ContinuousClock.now
    let second = await api.answer("GET", "/status/metrics")
    if ContinuousClock.now - start < .milliseconds(200) { #expect(second.text == first.text) }
  }

  @Test func `Without Redis it says so, and answers nevertheless`() async throws {
    let redis = RedisServer()
    let api = try TestAPI(on: redis, timeout: .milliseconds(500))
    var last: [String: String] = [:]
    while last["wf_redis_up"] != "1" {
      try Task.checkCancellation()
      last = figures(await api.answer("GET", "/status/metrics"))
    }
    redis.kill()
    while last["wf_redis_up"] != "0" {
      try Task.checkCancellation()
      let answer = await api.answer("GET", "/status/metrics")
      #expect(answer.status == 200)
      last = figures(answer)
    }
    #expect(Set(last.keys) == ["wf_redis_up", #"wf_build_info{version="unversioned"}"#])
  }

  @Test func `Sums that are no hash are an error`() async throws {
    let api = try TestAPI()
    try await api.send("SET", api.prefixes[0] + "metrics", "x")
    #expect(await api.answer("GET", "/status/metrics").status == 500)
  }

  // MARK: Who may

  private static let prometheus: KeyValuePairs = ["REMOTE_ADDR": "10.1.2.3"]

  @Test func `An address in WF_METRICS_ALLOW reads the metrics, and nothing else`() async throws {
    let api = try TestAPI(mayScrape: { $0 == "10.1.2.3" })
    let host: KeyValuePairs = ["Host": "10.9.9.9"]
    #expect(await api.answer("GET", "/status/metrics", headers: host, parameters: Self.prometheus).status == 200)
    #expect(await api.answer("HEAD", "/status/metrics", headers: host, parameters: Self.prometheus).status == 200)
    #expect(await api.answer("GET", "/status/health", headers: host, parameters: Self.prometheus).status == 401)
    #expect(await api.answer("GET", "/status/metrics/", headers: host, parameters: Self.prometheus).status == 401)
    #expect(
      await api.answer("GET", "/status/metrics", headers: host, parameters: ["REMOTE_ADDR": "10.1.2.4"]).status == 401)
  }

  @Test func `With keys the metrics are for the role admin, and for such an address`() async throws {
    let ring = KeyRing()
    ring.replace(with: [AccessKey(name: "a", secret: "a"), AccessKey(name: "ops", secret: "ops", role: .admin)])
    let api = try TestAPI(keys: ring, mayScrape: { $0 == "10.1.2.3" })
    func status(_ headers: KeyValuePairs<String, String>, _ parameters: KeyValuePairs<String, String>) async -> Int {
      await api.answer("GET", "/status/metrics", headers: headers, parameters: parameters).status
    }
    let near: KeyValuePairs = ["REMOTE_ADDR": "127.0.0.1"]
    #expect(await status([:], near) == 401)
    #expect(await status(["Authorization": "Bearer a"], near) == 403)
    #expect(await status(["Authorization": "Bearer ops"], near) == 200)
    #expect(await status([:], Self.prometheus) == 200)
    // A key that is none is told so, wherever it comes from.
    #expect(await status(["Authorization": "Bearer x"], Self.prometheus) == 401)
  }
}

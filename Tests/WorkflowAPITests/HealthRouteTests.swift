import ExactJSON
import Testing

@testable import WorkflowAPI

@Suite(.timeLimit(.minutes(5))) struct HealthRouteTests {
  @Test func `Health is a 503 without workers and a 200 with one`() async throws {
    let api = try TestAPI()
    _ = try await api.submit()
    let without = await api.answer("GET", "/status/health")
    #expect(without.status == 503)
    #expect(without.json["status"] == "unavailable" && without.json["redis"] == "ok")
    #expect(without.json["workers"] == 0 && without.json["queued"] == 1 && without.json["started"] == 0)
    #expect(without.json["detail"]?.stringValue?.contains("no worker") == true)
    for prefix in api.prefixes { try await api.send("ZADD", "\(prefix)workers", "9999999999999", "w") }
    let with = await api.answer("GET", "/status/health")
    #expect(with.status == 200)
    #expect(with.json["status"] == "ok" && with.json["workers"] == 1 && with.json["detail"] == nil)
  }

  @Test func `Health shows warnings, repairs and fallbacks where there are any`() async throws {
    let quiet = await (try TestAPI()).answer("GET", "/status/health").json
    for name in ["warnings", "repairs", "fallbacks_last_hour"] { #expect(quiet[name] == nil) }
    let api = try TestAPI(warnings: ["Redis may discard runs"])
    try await api.send("HSET", "\(api.prefixes[0])repairs", "b", "2", "a", "1")
    let facts = await api.answer("GET", "/status/health").json
    #expect(facts["warnings"] == ["Redis may discard runs"])
    #expect(facts["repairs"]?.text == #"{"a":1,"b":2}"#)
  }

  @Test func `Health counts callbacks, and warns of dead ones and of those that nobody sends`() async throws {
    let api = try TestAPI()
    for (index, id) in ["a", "b"].enumerated() {
      try await api.send("ZADD", "\(api.prefixes[0])callbacks", "9999999999999", id)
      if index == 0 { try await api.send("ZADD", "\(api.prefixes[0])callbacks:dead", "9999999999999", "c") }
    }
    let facts = await api.answer("GET", "/status/health").json
    #expect(facts["callbacks"] == 2 && facts["warnings"]?.arrayValue?.count == 1)
    #expect(facts["warnings"]?.text.contains("1 callbacks were given up") == true)
    try await api.send("ZADD", "\(api.prefixes[0])callbacks", "1", "a")
    let later = await api.answer("GET", "/status/health").json
    #expect(later["warnings"]?.arrayValue?.count == 2)
    #expect(later["warnings"]?.text.contains("no worker sends them in time; each needs WF_CALLBACK_SECRET") == true)
  }
}

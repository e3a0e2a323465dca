import ExactJSON
import FastCGI
import RedisFixture
import Testing
import WorkflowStore

@testable import WorkflowAPI

@Suite(.timeLimit(.minutes(5))) struct StatusRouteTests {
  private let api: TestAPI

  init() throws { api = try TestAPI() }

  @Test(arguments: ["x", "00000000-0000-0000-0000-000000000000", ""])
  func `An unknown id is a 404`(_ id: String) async {
    for target in ["/status/\(id)", "/status/\(id)/events"] {
      #expect(await api.answer("GET", target).status == 404)
    }
  }

  @Test func `A queued run is shown with its steps and without a result`() async throws {
    let id = try await api.submit()
    let answer = await api.answer("GET", "/status/\(id)")
    #expect(answer.status == 200)
    #expect(answer.header("Content-Type") == "application/json")
    #expect(answer.header("Cache-Control") == "no-store")
    #expect(answer.header("ETag") == "\"queued-1\"")
    #expect(answer.json["job_id"] == .string(id.description))
    #expect(answer.json["status"] == "queued" && answer.json["result"] == .null)
    #expect(answer.json["progress"]?.arrayValue?.count == 1)
    #expect(answer.json["steps"]?.objectValue?["a"]?.objectValue?["status"] == "pending")
  }

  @Test func `A finished run is shown with its result, and since leaves out earlier entries`() async throws {
    let id = try await api.submit()
    try await api.finish()
    let whole = await api.answer("GET", "/status/\(id)").json
    #expect(whole["status"] == "finished")
    #expect(
      whole["result"]?.text == #"{"run_name":"r","inputs":{"text":"a"},"outputs":{"a":{"value":1}},"stores":{}}"#)
    let count = whole["progress"]?.arrayValue?.count ?? 0
    let rest = await api.answer("GET", "/status/\(id)?since=\(count - 1)").json
    #expect(rest["progress"]?.arrayValue?.map(\.text) == whole["progress"]?.arrayValue?.suffix(1).map(\.text))
    #expect(rest["steps"] == whole["steps"])
    #expect(await api.answer("GET", "/status/\(id)?since=1000").json["progress"] == [])
  }

  @Test func `A client that has the current status gets a 304 without a body`() async throws {
    let id = try await api.submit()
    let tag = try #require(await api.answer("GET", "/status/\(id)").header("ETag"))
    let same = await api.answer("GET", "/status/\(id)", headers: ["If-None-Match": "W/\(tag)"])
    #expect(same.status == 304 && same.text == "" && same.header("ETag") == tag)
    try await api.finish()
    let new = await api.answer("GET", "/status/\(id)", headers: ["If-None-Match": tag])
    #expect(new.status == 200 && new.header("ETag") != tag)
  }

  @Test func `A long poll returns when the run has ended`() async throws {
    let id = try await api.submit()
    async let waiting = api.answer("GET", "/status/\(id)?wait=60")
    try await api.finish()
    let answer = await waiting
    #expect(answer.status == 200 && answer.json["status"] == "finished")
    #expect(await api.answer("GET", "/status/\(id)?wait=60").json["status"] == "finished")
  }

  @Test func `A long poll returns the current status when its time has passed`() async throws {
    let id = try await api.submit()
    #expect(await api.answer("GET", "/status/\(id)?wait=1").json["status"] == "queued")
    #expect(await api.answer("GET", "/status/\(id)?wait=0").json["status"] == "queued")
  }

  @Test(arguments: [("wait=61", "wait"), ("wait=", "wait"), ("wait=1.5", "wait"), ("since=-1", "since")])
  func `A query out of range is a 422 that names it`(_ query: String, _ name: String) async throws {
    let id = try await api.submit()
    let answer = await api.answer("GET", "/status/\(id)?\(query)")
    #expect(answer.status == 422)
    #expect(answer.faults == ["value_error at query.\(name)"])
  }

  @Test func `While Redis is unreachable the answer is a 503 to try again`() async throws {
    let redis = RedisServer()
    let api = try TestAPI(on: redis, timeout: .milliseconds(50))
    redis.kill()
    for target in ["/status/\(JobID())", "/status?dead=1", "/status/health"] {
      let answer = await api.answer("GET", target)
      #expect(answer.status == 503, "\(target)")
      #expect(answer.header("Retry-After") == "2", "\(target)")
    }
    let submission = await api.post(TestAPI.body)
    #expect(submission.status == 503 && submission.header("Retry-After") == "2")
    #expect(submission.text.contains("nothing was written"))
  }
}

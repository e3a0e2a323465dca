import ExactJSON
import Hiredis
import RedisFixture
import Testing
import Workflow

@testable import WorkflowAPI
@testable import WorkflowStore

/// What clients see while one of several servers is down.
@Suite(.timeLimit(.minutes(5))) struct SpreadRouteTests {
  private let servers = [RedisServer(), RedisServer()]

  /// An API of four partitions, the even ones of which are down.
  private func half() async throws -> TestAPI {
    let api = try TestAPI(on: servers[0], and: servers[1])
    for store in api.partitions.all { _ = try await store.send(["ZADD", store.keys.workers, "9999999999999", "w"]) }
    try await down(0, of: api)
    return api
  }

  private func down(_ number: Int, of api: TestAPI) async throws {
    servers[number].kill()
    while !api.partitions.all[number].isDown { try await Task.sleep(for: .milliseconds(2)) }
  }

  @Test func `Health is degraded as long as some partitions take runs, and names the others`() async throws {
    let api = try await half()
    let health = await api.answer("GET", "/status/health")
    #expect(health.status == 200)
    #expect(health.json["status"] == "degraded" && health.json["redis"] == "ok" && health.json["workers"] == 1)
    #expect(
      health.json["partitions_down"]?.text
        == #"[{"partition":0,"reason":"unreachable"},{"partition":2,"reason":"unreachable"}]"#)
    #expect(health.json["detail"]?.stringValue?.hasPrefix("partitions 0 and 2 of 4 are down: their runs wait") == true)
    try await down(1, of: api)
    let none = await api.answer("GET", "/status/health")
    #expect(none.status == 503 && none.json["redis"] == "unavailable" && none.header("Retry-After") == "2")
  }

  @Test func `Submissions go to the partitions that are up, each once`() async throws {
    let api = try await half()
    for _ in 0..<20 {
      let id = try await api.submit()
      #expect(api.partitions.number(of: id) % 2 == 1)
      #expect(await api.answer("GET", "/status/\(id)").status == 200)
    }
  }

  @Test func `Submissions keep away from a server that does not answer`() async throws {
    let api = try TestAPI(on: servers[0], and: servers[1], timeout: .seconds(5))
    for _ in 0..<8 { _ = try await api.submit() }
    servers[0].pause()
    await withTaskGroup { group in
      // Some of these go there.
      for _ in 0..<16 { group.addTask { _ = await api.post(TestAPI.body) } }
      var inARow = 0
      while inARow < 20, !Task.isCancelled {
        let id = await api.post(TestAPI.body).json["job_id"]?.stringValue.flatMap { JobID($0) }
        inARow = id.map { api.partitions.number(of: $0) % 2 } == 1 ? inARow + 1 : 0
      }
      #expect(inARow == 20)
    }
    servers[0].resume()
  }

  @Test func `A submission whose partition is fixed is refused with its number`() async throws {
    let api = try TestAPI(on: servers[0], and: servers[1], timeout: .milliseconds(200))
    try await down(0, of: api)
    for number in 0..<12 {
      let key = "key \(number)"
      let answer = await api.post(TestAPI.body, headers: ["Content-Type": "application/json", "Idempotency-Key": key])
      let partition = api.partitions.number(ofIdempotencyKey: key)
      guard partition % 2 == 0 else {
        #expect(answer.status == 202)
        continue
      }
      #expect(answer.status == 503 && answer.header("Retry-After") == "2")
      let start = "partition \(partition) of Redis "
      #expect(answer.json["detail"]?.stringValue?.hasPrefix(start) == true, "\(answer.text)")
    }
  }

  @Test(arguments: [
    "/status", "/status?dead=1", "/status/counts", "/status/callbacks", "/workflow/schedules", "/workflow/stores/s",
  ]) func `A list of all partitions is refused with the numbers of those that are down`(path: String) async throws {
    let api = try await half()
    let answer = await api.answer("GET", path)
    #expect(answer.status == 503 && answer.header("Retry-After") == "2")
    #expect(
      answer.json["detail"]
        == "partitions 0 and 2 of Redis are not available, and the answer would lack what is there; try again")
  }

  @Test func `An operation is unknown only when every live worker has announced itself at the partition that is up`()
    async throws
  {
    let api = try await half()
    func post() async -> Answer { await api.post(#"{"run_name":"r","steps":[{"id":"a","op":"shout"}]}"#) }
    let early = await post()
    #expect(early.status == 503 && early.header("Retry-After") == "2", "\(early.text)")
    func announce(_ operations: [String: ParameterSchema]) async throws {
      _ = try await api.partitions.all[1].announce(
        worker: "w", WorkerFacts(host: "h", processID: 1, version: "1", slots: 4),
        abilities: WorkerAbilities(operations: operations).bytes, digest: nil, runs: 0, state: .working,
        isDraining: false, uptime: .zero, lease: .seconds(60))
    }
    try await announce([:])
    #expect(await post().faults == ["literal_error at body.steps.0.op"])
    try await announce(["shout": ParameterSchema([])])
    #expect(await post().status == 202)
    // Now the next partition takes over, where the worker has not announced itself yet.
    _ = try await api.partitions.all[1].send(["DEL", api.partitions.all[1].keys.worker("w")])
    _ = await api.answer("GET", "/workflow/ops")
    #expect(await post().status == 202)
  }

  @Test func `Metrics count the partitions that are down, and sums do not get smaller`() async throws {
    let api = try TestAPI(on: servers[0], and: servers[1])
    for store in api.partitions.all {
      _ = try await store.send(["HSET", store.keys.metrics, "runs_ended:finished", "5"])
    }
    func figure(_ name: String) async -> String? {
      await api.answer("GET", "/status/metrics").text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
        .map { String($0.dropFirst(name.utf8.count + 1)) }
    }
    let ended = #"wf_runs_ended_total{outcome="finished"}"#
    #expect(await figure(ended) == "20")
    #expect(await figure("wf_partitions_down") == "0")
    try await down(0, of: api)
    while await figure("wf_partitions_down") != "2" { try Task.checkCancellation() }
    #expect(await figure(ended) == "20")
    #expect(await figure("wf_redis_up") == "1")
    // An API that has not seen them says no sums.
    let other = try TestAPI(on: servers[0], and: servers[1])
    while !other.partitions.all[0].isDown { try Task.checkCancellation() }
    let text = await other.answer("GET", "/status/metrics").text
    #expect(text.contains("wf_partitions_down 2"))
    #expect(!text.contains("wf_runs_ended_total{"))
  }
}

import ExactJSON
import Testing
import Workflow
import WorkflowStore

@Suite(.timeLimit(.minutes(5))) struct SubmitTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  @Test func `An accepted run is a job with its documents, a first entry and a place in the queue`() async throws {
    let id = JobID()
    let before = try await bench.now()
    let submission = Submission.sample(id, name: "a \"name\"", inputs: #"{ "n" : 1e400 }"#, steps: ["a"])
    #expect(try await bench.store.submit(submission) == .accepted(id))

    #expect(try await bench.keys() == ["classes", "docs:\(id)", "job:\(id)", "live", "progress:\(id)", Bench.queue])
    let job = try await bench.hash("job:\(id)")
    let created = try #require(job["created_ts"])
    #expect(
      job == [
        "status": "queued", "run_name": "a \"name\"", "created_ts": created, "format": "2",
        "run": "\(Bench.noteClass) 00000092 request",
      ])
    #expect(try #require(Double(created)) >= before && created.split(separator: ".").last?.count == 6)
    #expect(
      try await bench.documents(id) == [
        "inputs": #"{ "n" : 1e400 }"#,
        "steps": #"[{"id":"a","op":"note","needs":[],"params":{"value":"@inputs.text"}}]"#,
      ])
    #expect(try await bench.list("progress:\(id)") == ["{\"ts\":\(created),\"msg\":\"enqueued\"}"])
    #expect(try await bench.list(Bench.queue) == [id.description])
    for key in try await bench.keys() { #expect(try await bench.ttl(key) == -1, "\(key)") }
  }

  @Test func `Runs wait in the order in which they came`() async throws {
    let ids = [try await bench.submit(), try await bench.submit(), try await bench.submit()]
    #expect(try await bench.list(Bench.queue) == ids.map(\.description))
  }

  @Test func `The same id again is the same job`() async throws {
    let id = try await bench.submit()
    let before = try await bench.snapshot()
    #expect(try await bench.store.submit(Submission.sample(id)) == .accepted(id))
    #expect(try await bench.store.submit(Submission.sample(id, name: "other")) == .accepted(id))
    #expect(try await bench.snapshot() == before)
  }

  @Test func `The same id again is the same job also when it is under way`() async throws {
    let id = try await bench.submit()
    _ = try await bench.claimOne()
    let before = try await bench.snapshot()
    #expect(try await bench.store.submit(Submission.sample(id)) == .accepted(id))
    #expect(try await bench.snapshot() == before)
  }

  @Test func `The same idempotency key with the same body answers with the first job, and is kept for a day`()
    async throws
  {
    let id = JobID()
    #expect(try await bench.store.submit(Submission.sample(id, idempotencyKey: "k")) == .accepted(id))
    #expect(try await bench.text("idempotency:k")?.hasPrefix("\(id) ") == true)
    #expect(try #require(try await bench.ttl("idempotency:k")) > 86_000)
    let before = try await bench.snapshot()
    #expect(try await bench.store.submit(Submission.sample(idempotencyKey: "k")) == .accepted(id))
    #expect(try await bench.store.submit(Submission.sample(id, idempotencyKey: "k")) == .accepted(id))
    #expect(try await bench.snapshot() == before)
  }

  @Test func `The same idempotency key with any other body names the job in the way, and writes nothing`() async throws
  {
    let id = JobID()
    #expect(try await bench.store.submit(Submission.sample(id, idempotencyKey: "k")) == .accepted(id))
    let before = try await bench.snapshot()
    let others = [
      Submission.sample(name: "other", idempotencyKey: "k"),
      Submission.sample(inputs: #"{"text":"b"}"#, idempotencyKey: "k"),
      Submission.sample(steps: ["a"], idempotencyKey: "k"),
    ]
    for other in others { #expect(try await bench.store.submit(other) == .conflict(id)) }
    #expect(try await bench.snapshot() == before)
  }

  @Test func `After its time an idempotency key is free again`() async throws {
    var limits = RunStore.Limits()
    limits.idempotency = 1
    let expired = try await Channel("__keyevent@0__:expired", of: bench.server)
    let first = JobID()
    #expect(try await bench.with(limits).submit(Submission.sample(first, idempotencyKey: "k")) == .accepted(first))
    await expired.all(of: [bench.prefix + "idempotency:k"])
    let second = JobID()
    let other = Submission.sample(second, name: "other", idempotencyKey: "k")
    #expect(try await bench.store.submit(other) == .accepted(second))
    #expect(try await bench.list(Bench.queue) == [first, second].map(\.description))
  }

  @Test func `A queue of a wrong type refuses a run before anything of it is written`() async throws {
    try await bench.send("SET", bench.prefix + Bench.queue, "mine")
    let before = try await bench.snapshot()
    await #expect(throws: StoreError.self) { try await bench.store.submit(Submission.sample(idempotencyKey: "k")) }
    #expect(try await bench.snapshot() == before)
  }
}

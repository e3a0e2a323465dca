import Hiredis
import RedisFixture
import Testing
import Workflow
import WorkflowStore

/// A worker takes the runs that it has the operations for, and no others.
@Suite(.timeLimit(.minutes(5))) struct ClassTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private func submit(_ operations: Set<String>) async throws -> JobID {
    let id = JobID()
    let sample = Submission.sample(id)
    let submission = Submission(
      id: id, runName: "run", steps: sample.steps, inputs: sample.inputs, requirements: operations, requestID: "request"
    )
    #expect(try await bench.store.submit(submission) == .accepted(id))
    return id
  }

  private func claim(_ classes: RunClasses, _ runs: Int = 10, id: String = "\(JobID())") async throws -> Claim {
    try await bench.store.claim(
      ClaimRequest(id: id, worker: "w", runs: runs, lease: .seconds(15), classes: classes))
  }

  @Test func `Runs of other classes stay queued, hold up nothing and are counted`() async throws {
    let classes = RunClasses(["a", "b"])
    var foreign: [JobID] = []
    for _ in 0..<3 { foreign.append(try await submit(["a", "rare"])) }
    let mine = [try await submit(["a"]), try await submit(["b", "a"]), try await submit(["a"])]
    let first = try await claim(classes, 2)
    #expect(first.runs.map(\.id) == Array(mine[..<2]) && first.hasLeftRuns)
    let second = try await claim(classes)
    #expect(second.runs.map(\.id) == [mine[2]] && !second.hasLeftRuns)
    #expect(classes.takeMissing() == ["rare"] && classes.takeMissing() == [])
    #expect(try await bench.health() == [3, 3, 0])
    #expect(try await claim(RunClasses(["a", "rare"])).runs.map(\.id) == foreign)
  }

  @Test func `A class that comes later is learned by the claim that meets it`() async throws {
    let classes = RunClasses(["a", "b"])
    #expect(try await claim(classes).runs.isEmpty)
    let one = try await submit(["a"])
    #expect(try await claim(classes).runs.map(\.id) == [one])
    let other = try await submit(["b"])
    #expect(try await claim(classes).runs.map(\.id) == [other])
  }

  @Test(arguments: [1, 2, 4]) func `Nobody's run waits behind all of somebody else's`(_ slots: Int) async throws {
    func submit(_ owner: String?, _ count: Int) async throws -> [JobID] {
      var options = RunOptions()
      options.owner = owner
      var ids: [JobID] = []
      for _ in 0..<count {
        let id = JobID()
        #expect(try await bench.store.submit(Submission.sample(id, options: options)) == .accepted(id))
        ids.append(id)
      }
      return ids
    }
    let many = try await submit("acme", 50)
    let single = [try await submit("b-corp", 1)[0], try await submit(nil, 1)[0]]
    let classes = RunClasses(["note"])
    // One claim for each owner at most, each with this many slots.
    var taken: [JobID] = []
    for number in 1...3 { taken += try await claim(classes, slots, id: "w/\(number)").runs.map(\.id) }
    #expect(Set(single).isSubset(of: taken))
    #expect(taken.filter { !single.contains($0) } == Array(many.prefix(3 * slots - 2)))
    #expect(try await claim(classes, 100, id: "w/4").runs.count == 52 - 3 * slots)
  }

  @Test func `An idle worker is woken for a run that it serves, or may serve, and for no other`() async throws {
    let channel = try await Channel(bench.prefix + "wake:w", of: bench.server)
    let classes = RunClasses(["a"])
    let foreign = try await submit(["rare"])
    #expect(try await claim(classes).runs.isEmpty)
    _ = try await submit(["rare"])
    #expect(try await bench.send("ZSCORE", bench.prefix + "idle", "w").string != nil)
    // A class that it has not seen.
    let mine = try await submit(["a"])
    #expect(await channel.next() == "")
    #expect(try await claim(classes).runs.map(\.id) == [mine])
    #expect(try await bench.store.facts(of: foreign)?.status == .queued)
  }

  @Test func `A class that Redis has forgotten is known again, and its runs are taken`() async throws {
    let id = try await bench.submit()
    try await bench.send("DEL", bench.prefix + "classes")
    #expect(try await bench.reconcile() == ["\(id) queued in an unknown class"])
    #expect(try await bench.hash("classes") == [Bench.noteClass: "note"])
    #expect(try await bench.reconcile() == [])
    #expect(try await bench.claimOne().id == id)
  }

  @Test func `A run among the timers is in order without a queue entry`() async throws {
    let id = try await bench.submit()
    try await bench.send("LREM", bench.prefix + Bench.queue, "0", id.description)
    try await bench.send("ZADD", bench.prefix + "timers", "1", id.description)
    #expect(try await bench.reconcile() == [])
    #expect(try await bench.type(Bench.queue) == "none")
    try await bench.send("DEL", bench.prefix + "timers")
    #expect(try await bench.reconcile() == ["\(id) queued without a queue entry"])
  }

  @Test func `Runs that are submitted together are accepted each by itself, in few calls`() async throws {
    let bench = try Bench(on: RedisServer())
    let group = GroupSubmit(Partitions(bench.store))
    let known = try await bench.submit()
    try await bench.send("SET", "wf:queue:2:\(Self.otherClass):normal", "mine")
    try await bench.send("CONFIG", "RESETSTAT")
    let ids = (0..<200).map { _ in JobID() }
    let outcomes = await withTaskGroup(of: (Int, Result<SubmissionAnswer, any Error>).self) { tasks in
      for (index, id) in ids.enumerated() {
        let sample = Submission.sample(index % 50 == 49 ? known : id)
        let submission = Submission(
          id: sample.id, runName: "run", steps: sample.steps, inputs: sample.inputs,
          requirements: index % 10 == 3 ? ["other"] : ["note"], idempotencyKey: index % 20 == 5 ? "k" : nil,
          requestID: "request")
        tasks.addTask { (index, await Result { try await group.submit(submission) }) }
      }
      return await tasks.reduce(into: [:] as [Int: Result<SubmissionAnswer, any Error>]) { $0[$1.0] = $1.1 }
    }
    var sameKey = Set<JobID>()
    for index in 0..<200 {
      switch (index, try? outcomes[index]?.get()) {
      case (_, nil): #expect(index % 10 == 3, "\(index)")
      case (_, .accepted(let id)) where index % 20 == 5: sameKey.insert(id)
      case (_, .accepted(let id)): #expect(id == (index % 50 == 49 ? known : ids[index]))
      default: Issue.record("run \(index) got \(String(describing: outcomes[index]))")
      }
    }
    #expect(sameKey.count == 1)
    #expect(try await bench.list(Bench.queue).count == 1 + 200 - 20 - 4 - 10 + 1)
    let statistics = try #require(try await bench.send("INFO", "commandstats").string)
    let calls = statistics.split(separator: "\r\n").first { $0.hasPrefix("cmdstat_evalsha") }?
      .split(whereSeparator: { "=,".contains($0) }).dropFirst().first.flatMap { Int($0) }
    #expect(try #require(calls) < 100)
  }

  /// The class of runs that need nothing but `other`.
  private static let otherClass = "d0941e68"
}

extension Result where Failure == any Error {
  fileprivate init(_ body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}

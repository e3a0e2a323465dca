import Hiredis
import RedisFixture
import Testing
import Workflow
import WorkflowStore

/// What live workers say of themselves in Redis.
@Suite(.timeLimit(.minutes(5))) struct WorkerStoreTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  private static let facts = WorkerFacts(host: "here", processID: 7, version: "1.2", slots: 64)

  @discardableResult
  private func announce(
    _ worker: String = "w", digest: String? = nil, runs: Int = 0, state: WorkerState = .working,
    isDraining: Bool = false, hasMoved: Bool = false, abilities: String = "{}"
  ) async throws -> (isDraining: Bool, digest: String) {
    try await bench.store.announce(
      worker: worker, Self.facts, abilities: Array(abilities.utf8), digest: digest, runs: runs, state: state,
      isDraining: isDraining, hasMoved: hasMoved, uptime: .seconds(90), lease: .seconds(15))
  }

  private func find(_ worker: String = "w") async throws -> LiveWorker? {
    let (workers, _) = try await bench.store.liveWorkers()
    #expect(try await bench.store.liveWorker(worker).worker == workers.first { $0.id == worker })
    return workers.first { $0.id == worker }
  }

  @Test func `A worker that announces itself and beats is there with all that it is`() async throws {
    let digest = try await announce(abilities: #"{"operations":{}}"#).digest
    #expect(try await find() == nil)
    _ = try await bench.beat([])
    try await announce(digest: digest, runs: 3)
    let found = try #require(try await find()?.announcement)
    #expect(found.facts == Self.facts && found.runs == 3 && found.state == .working)
    #expect(try await bench.store.abilities(found.abilities) == Array(#"{"operations":{}}"#.utf8))
    let age = try await bench.now() - Double(found.since.microseconds) / 1_000_000
    #expect((89...120).contains(age))
    try await bench.store.deregister(worker: "w")
    #expect(try await find() == nil)
    #expect(try await bench.type("worker:w") == "none")
  }

  @Test func `A worker that announced itself elsewhere until now knows better whether it is drained`() async throws {
    var digest = try await announce(isDraining: true).digest
    #expect(try await announce(digest: digest).isDraining)
    let back = try await announce(digest: digest, hasMoved: true)
    #expect(!back.isDraining)
    digest = back.digest
    #expect(try await announce(digest: digest, isDraining: true).isDraining == false)
    #expect(try await announce(isDraining: true, hasMoved: true).isDraining)
    #expect(try await announce(digest: digest).isDraining)
  }

  @Test func `What a worker announces expires when it is not renewed`() async throws {
    let digest = try await announce().digest
    for key in ["worker:w", "abilities:\(digest)"] {
      try await bench.send("PERSIST", bench.prefix + key)
    }
    try await announce(digest: digest)
    for key in ["worker:w", "abilities:\(digest)"] {
      let left = try await bench.send("TTL", bench.prefix + key).int ?? -1
      #expect((15...17).contains(left))
    }
  }

  @Test(arguments: [["worker:w"], ["abilities:"], ["worker:w", "abilities:"]])
  func `What is gone from Redis is written again, drained or not`(_ keys: [String]) async throws {
    let digest = try await announce(isDraining: true).digest
    _ = try await bench.beat([])
    for key in keys { try await bench.send("DEL", bench.prefix + key + (key.hasSuffix(":") ? digest : "")) }
    let answer = try await announce(digest: digest, runs: 1, state: .drained, isDraining: true)
    #expect(answer.isDraining && answer.digest == digest)
    let found = try #require(try await find()?.announcement)
    #expect(found.runs == 1 && found.state == .drained)
    #expect(try await bench.store.abilities(digest) != nil)
  }

  @Test func `A key of another type is replaced`() async throws {
    try await bench.send("SET", bench.prefix + "worker:w", "x")
    _ = try await bench.beat([])
    #expect(try #require(try await find()).announcement == nil)
    try await announce()
    #expect(try await find()?.announcement?.state == .working)
  }

  @Test(arguments: ["about", "abilities", "state", "runs"])
  func `What no worker has written is not read`(_ field: String) async throws {
    _ = try await bench.beat([])
    try await announce()
    try await bench.send("HSET", bench.prefix + "worker:w", field, String(repeating: "x", count: 1 << 20))
    #expect(try #require(try await find()).announcement == nil)
  }

  @Test func `A worker is drained and taken back by its name, as often as one likes`() async throws {
    #expect(try await bench.store.setDraining(true, worker: "w") == false)
    _ = try await bench.beat([])
    // It says nothing of itself, as an older version.
    #expect(try await bench.store.setDraining(true, worker: "w") == false)
    let digest = try await announce().digest
    let channel = try await Channel(bench.prefix + "control:w", of: bench.server)
    for _ in 0..<2 {
      #expect(try await bench.store.setDraining(true, worker: "w"))
      #expect(await channel.next() == "look")
      #expect(try await find()?.announcement?.state == .draining)
      #expect(try await announce(digest: digest).isDraining)
    }
    try await announce(digest: digest, state: .drained, isDraining: true)
    #expect(try await find()?.isDrained == true)
    for _ in 0..<2 {
      #expect(try await bench.store.setDraining(false, worker: "w"))
      #expect(try await announce(digest: digest, isDraining: true).isDraining == false)
    }
    #expect(try await find()?.isDrained == false)
    // What is left of a dead worker is no worker.
    try await bench.send("ZADD", bench.prefix + "workers", "1", "w")
    #expect(try await bench.store.setDraining(true, worker: "w") == false)
  }

  @Test(arguments: ["", "*", "w*", "w:x", "a b", "\u{0}", "é", String(repeating: "x", count: 100_000)])
  func `A made-up name is no worker`(_ name: String) async throws {
    _ = try await bench.beat([])
    try await announce()
    #expect(try await bench.store.setDraining(true, worker: name) == false)
    #expect(try await bench.store.liveWorker(name).worker == nil)
    #expect(try await bench.store.liveWorkers().workers.count == 1)
  }

  @Test func `A worker that takes no runs is not woken for them`() async throws {
    let channel = try await Channel(bench.prefix + "wake:b", of: bench.server)
    for worker in ["a", "b"] { #expect(try await bench.claim(10, id: worker, worker: worker).runs.isEmpty) }
    try await bench.send("ZADD", bench.prefix + "idle", "0", "a")
    try await bench.store.withdraw(worker: "a")
    try await bench.submit()
    #expect(await channel.next() == "")
    #expect(try await bench.hash("serves") == [:])
  }

  @Test func `More workers than a look has are all found`() async throws {
    var arguments: RedisArguments = ["ZADD"]
    arguments.append(bench.prefix + "workers")
    for number in 0..<2_500 {
      arguments.append("9999999999999")
      arguments.append("w\(number)")
    }
    _ = try await bench.send(arguments)
    #expect(Set(try await bench.store.liveWorkers().workers.map(\.id)).count == 2_500)
  }
}

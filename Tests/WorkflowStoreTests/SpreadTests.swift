import Hiredis
import Logging
import RedisFixture
import Synchronization
import Testing
import Workflow

@testable import WorkflowStore

/// Partitions on several servers: one that is down stops its partitions only.
@Suite(.timeLimit(.minutes(5))) struct SpreadTests {
  // MARK: Ids

  @Test func `A new id is in a partition that is up, the same one whoever asks`() async throws {
    let redis = try await SpreadRedis.started()
    try await redis.kill(0)
    var seen: Set<Int> = []
    for _ in 0..<40 {
      let request = JobID().description.filter { $0 != "-" }
      let id = redis.partitions.newID(requestID: request, idempotencyKey: nil)
      #expect(redis.partitions.newID(requestID: request, idempotencyKey: nil) == id)
      if let own = JobID(requestID: request), redis.partitions.number(of: own) % 2 == 1 { #expect(id == own) }
      seen.insert(redis.partitions.number(of: id))
    }
    #expect(seen == [1, 3])
    let keys = (0..<20).map { "key \($0)" }
    #expect(
      keys.allSatisfy { key in
        let id = redis.partitions.newID(requestID: "", idempotencyKey: key)
        return redis.partitions.number(of: id) == redis.partitions.number(ofIdempotencyKey: key)
      })
    try await redis.kill(1)
    #expect(redis.partitions.newID(requestID: "", idempotencyKey: nil).description.count == 36)
  }

  @Test(arguments: [
    ("b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a2", "b7f935c2-6f95-4a8e-9c1a-3c9c7a21e5a3"),
    ("b7f935c2-6f95-4a8e-9c1a-3c9c7a21e599", "b7f935c2-6f95-4a8e-9c1a-3c9c7a21e59a"),
    ("b7f935c2-6f95-4a8e-9c1a-3c9c7a2fffff", "b7f935c2-6f95-4a8e-9c1a-3c9c7a300000"),
    ("b7f935c2-6f95-4a8e-9c1a-ffffffffffff", "b7f935c2-6f95-4a8e-9c1a-000000000000"),
  ]) func `An id is followed by the next number, version and variant as they are`(id: String, next: String) throws {
    #expect(try #require(JobID(id)).successor.description == next)
  }

  // MARK: Questions to all

  @Test func `What would lack something fails at once, and names the partitions that are down`() async throws {
    let redis = try await SpreadRedis.started()
    let partitions = redis.partitions
    #expect(try await partitions.list(RunFilter(), limit: 10).runs.isEmpty)
    try await redis.kill(0)
    let start = ContinuousClock.now
    func check(_ what: String, _ read: () async throws(StoreError) -> some Any) async {
      do {
        _ = try await read()
        Issue.record("\(what) has an answer")
      } catch {
        guard case .down([0, 2], let reason, false) = error else {
          Issue.record("\(what): \(error)")
          return
        }
        #expect(!reason.isEmpty && "\(error)".hasPrefix("partitions 0 and 2 of Redis: "), "\(what)")
      }
    }
    await check("list") { () throws(StoreError) in try await partitions.list(RunFilter(), limit: 10) }
    await check("dead letters") { () throws(StoreError) in try await partitions.deadLetters(limit: 10) }
    await check("counts") { () throws(StoreError) in try await partitions.counts() }
    await check("callbacks") { () throws(StoreError) in
      try await partitions.callbacks(dead: false, after: nil, limit: 10)
    }
    await check("stores") { () throws(StoreError) in try await partitions.values(of: StoreName("s", of: nil)) }
    await check("schedules") { () throws(StoreError) in try await partitions.schedules() }
    await check("health") { () throws(StoreError) in try await partitions.health() }
    // None has waited for its timeout.
    #expect(ContinuousClock.now - start < patience)
  }

  @Test func `A server that has left a question without an answer does not hold up the next one, and is found again`()
    async throws
  {
    let redis = try await SpreadRedis.started()
    redis.servers[0].pause()
    let first = await redis.partitions.answers(within: .milliseconds(300)) { _, store throws(StoreError) in
      try await store.health()
    }
    #expect(first.map { (try? $0.get()) != nil } == [false, true, false, true])
    let start = ContinuousClock.now
    await #expect(throws: StoreError.self) { try await redis.partitions.list(RunFilter(), limit: 10) }
    #expect(ContinuousClock.now - start < patience)
    redis.servers[0].resume()
    while true {
      if let page = try? await redis.partitions.list(RunFilter(), limit: 10) {
        #expect(page.runs.isEmpty)
        break
      }
      try Task.checkCancellation()
    }
    #expect(!redis.partitions.all[0].silence.questions.isNoted)
  }

  @Test func `The state of the whole is that of the partitions that answer, and names the others`() async throws {
    let redis = try await SpreadRedis.started()
    for number in 0..<4 {
      _ = try await redis.partitions.all[number].submit(.sample(redis.id(in: number)))
      try await redis.send("RPUSH", "wf:{\(number)}:inbox:refused", "{}", to: number % 2)
    }
    try await redis.send("RPUSH", "wf:inbox", "{}", to: 1)
    let whole = try await redis.partitions.state()
    #expect(whole.health.queued == 4 && whole.down.isEmpty && whole.inbox.entries == 1 && whole.inbox.refused == 4)
    #expect(whole.inbox.refusedLists == (0..<4).map { "wf:{\($0)}:inbox:refused" })
    try await redis.kill(0)
    let rest = try await redis.partitions.state()
    #expect(rest.health.queued == 2 && rest.inbox.entries == 1 && rest.inbox.fault == nil)
    #expect(rest.down.map(\.number) == [0, 2] && rest.down.allSatisfy { $0.cause == "unreachable" })
    #expect(redis.partitions.down == [0, 2] && redis.partitions.home.keys.prefix == "wf:{1}:")
    #expect(try await redis.partitions.knownHealth().down == [0, 2])
    #expect(try await redis.partitions.knownCounts().queued == 2)
    try await redis.kill(1)
    do {
      _ = try await redis.partitions.state()
      Issue.record("there is a state of nothing")
    } catch {
      if case .down([0, 1, 2, 3], _, _) = error { return }
      Issue.record("\(error)")
    }
  }

  @Test func `What a server answers is not called an outage`() async throws {
    let redis = try await SpreadRedis.started()
    try await redis.send("SET", "wf:{1}:metrics", "x", to: 1)
    try await redis.kill(0)
    do {
      _ = try await redis.partitions.gather { _, store throws(StoreError) in try await store.metrics() }
      Issue.record("there is an answer")
    } catch {
      #expect(error.isAnswer && "\(error)".contains("WRONGTYPE"))
    }
  }

  // MARK: The count

  @Test func `Each partition holds the count, so that it is known while a server is down`() async throws {
    let redis = try await SpreadRedis.started()
    #expect(try await redis.partitions.storedCount() == nil)
    #expect(try await redis.partitions.mismatch() == nil)
    for number in 0..<4 {
      #expect(try await redis.send("GET", "wf:{\(number)}:partitions", to: number % 2).string == "4")
    }
    try await redis.kill(1)
    #expect(try await redis.partitions.mismatch() == nil)
    #expect(try await redis.partitions.storedCount() == 4)
    try await redis.start(1)
    #expect(try await redis.partitions.mismatch() == nil)
    #expect(try await redis.send("GET", "wf:{3}:partitions", to: 1).string == "4")
    try await redis.send("SET", "wf:{3}:partitions", "6", to: 1)
    #expect(try await redis.partitions.mismatch() == PartitionMismatch(stored: 6, configured: 4))
  }

  @Test func `The count of data that came from a single server counts`() async throws {
    let redis = try await SpreadRedis.started()
    try await redis.send("SET", "wf:partitions", "3", to: 1)
    #expect(try await redis.partitions.mismatch() == PartitionMismatch(stored: 3, configured: 4))
    #expect(try await redis.send("EXISTS", "wf:{0}:partitions", to: 0).int == 0)
    #expect(try await redis.partitions.storedCount() == 3)
  }

  // MARK: Watches and logs

  @Test func `A server that is emptied is named by its partitions`() async throws {
    let redis = try await SpreadRedis.started()
    let watch = DatabaseWatch(redis.partitions, logger: .silent)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await watch.run() }
      for number in 0..<4 {
        while try await redis.send("EXISTS", "wf:{\(number)}:database", to: number % 2).int == 0 {
          try Task.checkCancellation()
        }
      }
      try await redis.send("FLUSHDB", to: 1)
      while watch.warnings.first?.hasPrefix("partitions 1 and 3 of Redis was emptied") != true {
        try Task.checkCancellation()
        try await redis.send("PING", to: 1)
      }
      group.cancelAll()
    }
  }

  @Test func `A loop fails as long as one server does, and says so once`() async throws {
    let redis = try await SpreadRedis.started()
    let lines = LogLines()
    let outages = OutageLog("the look", logger: Logger(label: "test") { _ in lines })
    let stores = redis.partitions.all
    let error = StoreError.down(partitions: [0], reason: "it is away", outcomeUnknown: false)
    outages.note(error, in: stores[0])
    outages.noteSuccess(in: stores[1])
    outages.note(error, in: stores[2])
    outages.noteSuccess(in: stores[0])
    #expect(lines.all == ["the look fails: partition 0 of Redis: it is away"])
    outages.noteSuccess(in: stores[2])
    outages.noteSuccess(in: stores[2])
    #expect(lines.all.dropFirst() == ["the look succeeds again"])
  }

  @Test func `Partitions are named as a sentence does`() {
    #expect(Partitions.named([3]) == "partition 3")
    #expect(Partitions.named([0, 3]) == "partitions 0 and 3")
    #expect(Partitions.named([0, 3, 5]) == "partitions 0, 3 and 5")
  }
}

/// Keeps what is logged.
private final class LogLines: LogHandler, Sendable {
  private let lines = Mutex<[String]>([])
  var all: [String] { lines.withLock { $0 } }
  var metadata: Logger.Metadata {
    get { [:] }
    set {}
  }
  var logLevel: Logger.Level {
    get { .trace }
    set {}
  }
  subscript(metadataKey _: String) -> Logger.Metadata.Value? {
    get { nil }
    set {}
  }

  func log(event: LogEvent) { lines.withLock { $0.append("\(event.message)") } }
}

import ExactJSON
import Hiredis
import Logging
import RedisFixture
import Synchronization
import Testing
import Workflow
import WorkflowOperations

@testable import WorkflowStore
@testable import WorkflowWorker

/// What a worker does for all partitions while one of several servers is down.
@Suite(.timeLimit(.minutes(5))) struct SpreadDutiesTests {
  private let servers = [RedisServer(), RedisServer()]
  private let connections: [RedisConnection]
  private let partitions: Partitions
  private let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }

  /// Four partitions: the even ones on the first server, the odd ones and the public inbox on the second.
  init() async throws {
    let logger = logger
    connections = try servers.map { RedisConnection(try $0.address(), name: "test", logger: logger) }
    partitions = Self.partitions(connections, timeout: .seconds(20))
    // What asks all partitions does not wait for a server that is not up yet.
    for number in servers.indices { _ = try await send("PING", to: number) }
  }

  private static func partitions(
    _ connections: [RedisConnection], timeout: Duration, limits: RunStore.Limits = RunStore.Limits()
  ) -> Partitions {
    let stores = Partitions.keys(Keys(), count: 4).enumerated().map { number, keys in
      RunStore(connections[number % 2], keys: keys, limits: limits, timeout: timeout, partition: number)
    }
    return Partitions(stores, keys: Keys(), on: connections[1], isSpread: true)
  }

  private func send(_ words: String..., to number: Int) async throws -> RedisReply {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    return try await connections[number].send(arguments, timeout: .seconds(20))
  }

  private func kill(_ number: Int) async throws {
    servers[number].kill()
    while !partitions.all[number].isDown { try await Task.sleep(for: .milliseconds(2)) }
  }

  func id(in partition: Int) -> JobID {
    while true {
      let id = JobID()
      if partitions.number(of: id) == partition { return id }
    }
  }

  // MARK: Leases

  @Test func `Leases are renewed in time where one server does not answer, and all again when it does`() async throws {
    // Long enough that a busy machine delays no renewal by as much.
    let lease = Duration.seconds(6)
    let beats = try servers.map { RedisConnection(try $0.address(), name: "beat", logger: logger) }
    let heartbeat = Heartbeat(
      partitions: Self.partitions(beats, timeout: lease / 3), activeRuns: ActiveRuns(limit: 8), worker: "w",
      lease: lease, logger: logger)
    heartbeat.start()
    func ends(_ partition: Int, count: Int) async throws -> [Double] {
      var ends: [Double] = []
      while ends.count < count {
        try Task.checkCancellation()
        let text = try await send("ZSCORE", "wf:{\(partition)}:workers", "w", to: partition % 2).string
        if let end = text.flatMap({ Double($0) }), end != ends.last { ends.append(end) }
      }
      return ends
    }
    _ = try await ends(0, count: 2)
    servers[0].pause()
    let renewals = try await ends(1, count: 4)
    // In time: each begins before the one before has ended.
    for (one, next) in zip(renewals, renewals.dropFirst()) { #expect(next - one < 6_000) }
    servers[0].resume()
    _ = try await ends(0, count: 2)
    await heartbeat.stop()
  }

  // MARK: The inbox

  private var entries: InboxEntryReader {
    InboxEntryReader(
      definitions: DefinitionReader(operations: ["note": ParameterSchema([.init("value", .any)])]),
      maxBodyBytes: 4_096)
  }

  private func forwarder(_ worker: String = "w", _ others: Partitions? = nil) -> InboxForwarder {
    InboxForwarder(partitions: others ?? partitions, entries: entries, worker: worker, logger: logger)
  }

  private func reader(_ number: Int) -> InboxReader {
    var reader = InboxReader(
      partitions: Partitions(partitions.all[number]), entries: entries, worker: "w",
      outages: OutageLog("it", logger: logger), logger: logger)
    reader.isOwn = { [partitions] in partitions.number(of: $0) == number }
    return reader
  }

  private func entry(_ id: JobID) -> String {
    let body = #"{"run_name":"r","steps":[{"id":"a","op":"note","params":{"value":1}}]}"#
    return #"{"job_id":"\#(id)","body":\#(body)}"#
  }

  private func list(_ key: String, of server: Int) async throws -> [String] {
    try await send("LRANGE", key, "0", "-1", to: server).array?.compactMap(\.string) ?? []
  }

  @Test func `Entries become runs of their partitions in their order, and a second copy makes none`() async throws {
    let ids = (0..<4).flatMap { [id(in: $0), id(in: $0)] }
    for id in ids { _ = try await send("RPUSH", "wf:inbox", entry(id), to: 1) }
    _ = try await send("RPUSH", "wf:inbox", entry(ids[0]), "no JSON", to: 1)
    #expect(try await forwarder().turn())
    #expect(try await list("wf:inbox", of: 1).isEmpty)
    for number in 0..<4 {
      let own = try await list("wf:{\(number)}:inbox", of: number % 2).filter { $0 != "no JSON" }
      #expect(own == ids[(2 * number)...(2 * number + 1)].map(entry) + (number == 0 ? [entry(ids[0])] : []))
    }
    // As after a crash between the two steps of a move.
    _ = try await send("RPUSH", "wf:inbox", entry(ids[5]), to: 1)
    #expect(try await forwarder().turn())
    for number in 0..<4 { _ = try await reader(number).turn() }
    for id in ids {
      #expect(try await partitions.store(of: id).facts(of: id)?.status == .queued)
    }
    var runs = 0
    for store in partitions.all { runs += try await store.health().queued }
    #expect(runs == 8)
    let inbox = try await partitions.inboxState()
    #expect(inbox.refused == 1 && inbox.entries == 0)
  }

  @Test func `Entries for a server that is down stay, and others pass them`() async throws {
    let (away, here) = ([id(in: 0), id(in: 2)], [id(in: 1), id(in: 3)])
    for id in away + here { _ = try await send("RPUSH", "wf:inbox", entry(id), to: 1) }
    try await kill(0)
    #expect(try await forwarder().turn())
    #expect(try await list("wf:inbox", of: 1) == away.map(entry))
    #expect(try await list("wf:{1}:inbox", of: 1) == [entry(here[0])])
    servers[0].start()
    while partitions.all[0].isDown || partitions.all[2].isDown { try Task.checkCancellation() }
    #expect(try await forwarder().turn())
    #expect(try await list("wf:inbox", of: 1).isEmpty)
    #expect(try await list("wf:{0}:inbox", of: 0) == [entry(away[0])])
  }

  @Test func `Entries stay, without a copy, as long as their partition lacks the replicas that are waited for`()
    async throws
  {
    var limits = RunStore.Limits()
    limits.replicas = 1
    let waiting = Self.partitions(connections, timeout: .seconds(20), limits: limits)
    let text = entry(id(in: 0))
    _ = try await send("RPUSH", "wf:inbox", text, to: 1)
    #expect(try await forwarder("w", waiting).turn())
    #expect(try await list("wf:inbox", of: 1) == [text])
    #expect(try await list("wf:{0}:inbox", of: 0).isEmpty)
    #expect(try await forwarder().turn())
    #expect(try await list("wf:{0}:inbox", of: 0) == [text])
  }

  @Test func `An entry that is too large is refused with its beginning, and one in the wrong list with the reason`()
    async throws
  {
    let large = String(repeating: "x", count: 10_000)
    _ = try await send("RPUSH", "wf:inbox", large, to: 1)
    #expect(try await forwarder().turn())
    #expect(try await list("wf:inbox", of: 1).isEmpty)
    let list = try #require(try await partitions.inboxState().refusedLists.first)
    let number = try #require(Int(list.dropFirst("wf:{".count).prefix(1)))
    let refused = try #require(try await self.list(list, of: number % 2).first)
    let facts = try JSONValue(parsing: refused).objectValue
    #expect(facts?["bytes"] == 10_000 && facts?["reason"]?.stringValue?.contains("WF_MAX_BODY_BYTES") == true)
    #expect(try await send("TTL", list, to: number % 2).int ?? -1 > 0)
    let strange = id(in: 2)
    _ = try await send("RPUSH", "wf:{1}:inbox", entry(strange), to: 1)
    _ = try await reader(1).turn()
    #expect(try await self.list("wf:{1}:inbox:refused", of: 1).last?.contains("belongs to another partition") == true)
    #expect(try await partitions.store(of: strange).facts(of: strange) == nil)
  }

  @Test func `One worker at a time moves entries`() async throws {
    _ = try await send("SET", "wf:inbox:turn:{wf:inbox}", "v", to: 1)
    _ = try await send("RPUSH", "wf:inbox", entry(id(in: 1)), to: 1)
    #expect(try await forwarder("w").turn())
    #expect(try await list("wf:inbox", of: 1).count == 1)
    #expect(try await forwarder("v").turn())
    #expect(try await list("wf:inbox", of: 1).isEmpty)
  }

  // MARK: Models

  @Test func `A call that nothing limits begins although the server that counts it is down`() async throws {
    try await kill(0)
    let ledger = ModelLedger(partitions, CooldownPolicy(), logger: logger)
    let call = ModelCall(model: "m", id: "r/s", nonce: "1", run: "r", step: "s")
    #expect(try await ledger.admit(call) == .admitted)
    var limited = call
    limited.callLimit = 1
    let asking = Task { [limited] in try await ledger.admit(limited) }
    asking.cancel()
    await #expect(throws: StepError.self) { try await asking.value }
  }
}

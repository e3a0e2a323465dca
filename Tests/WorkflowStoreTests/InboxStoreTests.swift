import ExactJSON
import Hiredis
import RedisFixture
import Testing
import Workflow

@testable import WorkflowStore

/// The inbox in Redis: an entry is taken once, whoever has read it and how often.
@Suite(.timeLimit(.minutes(5))) struct InboxStoreTests {
  private let bench: Bench
  private let inbox: Partitions

  init() throws {
    bench = try Bench()
    inbox = Partitions(bench.store)
  }

  private static let limit = 4_096

  private func push(_ entries: String..., to list: String = "inbox") async throws {
    for entry in entries { try await bench.send("RPUSH", bench.prefix + list, entry) }
  }

  private func read(_ list: InboxList = .inbox, as worker: String = "w", from offset: Int = 0) async throws
    -> [InboxEntry]
  {
    try await inbox.readInbox(list, as: worker, from: offset, limit: Self.limit).entries
  }

  private func take(
    _ entries: [(entry: InboxEntry, verdict: InboxVerdict)], from list: InboxList = .inbox, at offset: Int = 0
  ) async throws -> [InboxOutcome] {
    try await inbox.takeFromInbox(list, entries, from: offset, pastStart: "past")
  }

  /// A run for each entry.
  private func runs(_ entries: [InboxEntry]) -> [(entry: InboxEntry, verdict: InboxVerdict)] {
    entries.map { ($0, .run(.sample())) }
  }

  @Test func `A repeated call takes nothing, and neither does another worker's`() async throws {
    try await push("a", "b", "c")
    let (mine, others) = (runs(try await read()), runs(try await read()))
    #expect(try await take(Array(mine.prefix(2))) == [.run, .run])
    #expect(try await take(Array(mine.prefix(2))) == [.gone, .gone])
    #expect(try await take(others) == [.gone, .gone, .run])
    #expect(try await bench.list(Bench.queue).count == 3)
    #expect(try await bench.keys().contains("inbox") == false)
  }

  @Test func `Equal entries are one job, and what is pushed meanwhile stays`() async throws {
    try await push("a", "a")
    let id = JobID()
    let entries = try await read().map { ($0, InboxVerdict.run(.sample(id))) }
    try await push("a", "d")
    #expect(try await take(entries) == [.run, .known])
    #expect(try await bench.list("inbox") == ["a", "d"])
    try await bench.send("LPUSH", bench.prefix + "inbox", "first")
    #expect(try await take(entries) == [.gone, .gone])
    #expect(try await bench.list("inbox") == ["first", "a", "d"])
  }

  @Test func `One worker at a time reads the inbox, and all read what waits`() async throws {
    try await push("a")
    #expect(try await read(as: "w").count == 1)
    // So that it lasts, however slow the test is.
    try await bench.send("SET", bench.prefix + "inbox:turn", "w")
    #expect(try await read(as: "v").isEmpty)
    #expect(try await read(as: "w").count == 1)
    #expect(try await bench.send("PTTL", bench.prefix + "inbox:turn").int ?? -1 != -1)
    #expect(try await take([(try await read()[0], .waits)]) == [.waits])
    for worker in ["w", "v"] { #expect(try await read(.waiting, as: worker).map(\.bytes) == [Array("a".utf8)]) }
    let since = try #require(try await read(.waiting).first?.waitingSince)
    #expect(abs(Double(since) / 1_000 - (try await bench.now())) < 60)
  }

  @Test func `What waits is left in place, and taken from behind others`() async throws {
    try await push("a", "b", "c")
    let entries = try await read()
    #expect(try await take(entries.map { ($0, .waits) }) == [.waits, .waits, .waits])
    let waiting = try await read(.waiting)
    let verdicts: [InboxVerdict] = [.waits, .run(.sample()), .waits]
    #expect(try await take(Array(zip(waiting, verdicts)), from: .waiting) == [.waits, .run, .waits])
    #expect(try await read(.waiting).map(\.bytes) == [Array("a".utf8), Array("c".utf8)])
    #expect(try await take(runs([waiting[2]]), from: .waiting, at: 1) == [.run])
    #expect(try await bench.list("inbox:waiting").count == 1)
  }

  @Test func `Of an entry that is too large little is read, and batches are bounded`() async throws {
    let large = String(repeating: "x", count: 3_000_000)
    let medium = String(repeating: "y", count: Self.limit)
    try await push(large)
    for _ in 0..<150 { try await push(medium) }
    let first = try await read()
    #expect(first.count == 1 && first[0].size == 3_000_000 && first[0].bytes.count == 1_000)
    #expect(try await take([(first[0], .refused("too large"))]) == [.refused])
    #expect(try await read().count == Partitions.inboxBatch)
    let kept = try JSONValue(parsing: try #require(try await bench.list("inbox:refused").first)).objectValue
    #expect(kept?["bytes"] == 3_000_000 && kept?["reason"] == "too large")
    #expect(try await bench.send("TTL", bench.prefix + "inbox:refused").int ?? -1 > 0)
  }

  @Test func `Long entries are told apart`() async throws {
    let filling = String(repeating: "x", count: 100_000)
    try await push("a\(filling)", "b\(filling)", "\(filling)c", filling)
    let entries = try await inbox.readInbox(.inbox, as: "w", limit: 1 << 20).entries
    #expect(entries.map(\.size) == [100_001, 100_001, 100_001, 100_000] && Set(entries.map(\.digest)).count == 4)
    #expect(try await take(runs(entries)) == [.run, .run, .run, .run])
  }

  @Test func `The list of refused entries keeps the newest`() async throws {
    for number in 0..<1_005 { try await push("\(number)") }
    while case let entries = try await read(), !entries.isEmpty {
      _ = try await take(entries.map { ($0, .refused("no")) })
    }
    let kept = try await bench.list("inbox:refused")
    #expect(kept.count == Partitions.mostRefusedEntries && kept.last?.contains(#""entry":"1004""#) == true)
  }

  @Test func `An entry stays while a key of another type is in its way, and others pass it`() async throws {
    try await push("a", "b")
    let entries = try await read()
    var options = RunOptions()
    options.start = .after(milliseconds: 1)
    try await bench.send("SET", bench.prefix + "timers", "mine")
    let batch = [(entries[0], InboxVerdict.run(.sample(options: options))), (entries[1], .run(.sample()))]
    guard case .held(let sentence) = try await take(batch)[0] else { return #expect(Bool(false)) }
    #expect(sentence == "\(bench.prefix)timers is a string, not a zset")
    #expect(try await bench.list("inbox") == ["a"])
    #expect(try await bench.list(Bench.queue).count == 1)
  }

  @Test(arguments: ["inbox", "inbox:waiting", "inbox:refused"])
  func `A list of another type is named, and nothing is written`(_ name: String) async throws {
    try await push("a")
    let entries = runs(try await read())
    try await bench.send("DEL", bench.prefix + name, bench.prefix + "inbox:turn")
    try await bench.send("SET", bench.prefix + name, "mine")
    let before = try await bench.snapshot()
    let error = await #expect(throws: StoreError.self) { try await take(entries) }
    #expect("\(error as Any)".contains("\(bench.prefix)\(name) is a string, not a list"))
    #expect(try await bench.snapshot() == before)
  }
}

import ExactJSON
import Glibc
import Hiredis
import Logging
import RedisFixture
import Scheduling
import Synchronization
import Testing
import Workflow
import WorkflowStore

@testable import WorkflowWorker

/// What a keeper makes of the schedules in a real Redis, turn by turn.
@Suite(.timeLimit(.minutes(2))) struct ScheduleKeeperTests {
  private let server = RedisServer()
  private let store: RunStore
  private let redis: RedisConnection
  private let lines = Lines()

  init() throws {
    redis = RedisConnection(
      try server.address(), name: "test", logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
    store = RunStore(redis, keys: Keys(), timeout: .seconds(20))
  }

  /// What was logged as a warning or a notice.
  private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
  }

  private struct Handler: LogHandler {
    let lines: Lines
    var metadata = Logger.Metadata()
    var logLevel = Logger.Level.notice
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) { lines.add("\(event.level) \(event.message)") }
  }

  private func keeper(zones: TimeZoneFolder = .system) -> ScheduleKeeper {
    let lines = lines
    let logger = Logger(label: "test") { _ in Handler(lines: lines) }
    return ScheduleKeeper(
      store: store, partition: (0, 1), zones: zones, outages: OutageLog("the look", logger: logger), logger: logger)
  }

  private func put(
    _ rule: ScheduleSpecification.Rule, next: Int?, missed: MissedPolicy = .once, overlap: OverlapPolicy = .allow,
    name: String = "s"
  ) async throws {
    var specification = ScheduleSpecification(rule)
    specification.missed = missed
    specification.overlap = overlap
    let run = Submission(
      id: JobID(), runName: "r", steps: Array(#"[{"id":"a","op":"note","needs":[],"params":{}}]"#.utf8),
      inputs: Array("{}".utf8), requirements: ["note"], requestID: "schedule")
    let answer = try await store.put(
      ScheduleSubmission(
        name: name, specification: JSONValue.object(specification.json).bytes, rule: specification.ruleText, next: next,
        run: run, body: Array("{}".utf8)))
    #expect(answer == .created)
  }

  private func now() async throws -> Int { try await store.schedules().now }

  private func find(_ name: String = "s") async throws -> StoredSchedule {
    try #require(try await store.schedule(named: name).schedules.first)
  }

  private func runs() async throws -> Int {
    try await redis.send(["ZCARD", "wf:live"], timeout: .seconds(20)).int ?? -1
  }

  @Test func `Without schedules a turn is one command, and a second passes before the next`() async throws {
    var keeper = keeper()
    _ = try await keeper.turn()
    func calls() async throws -> [String] {
      let text = try await redis.send(["INFO", "commandstats"], timeout: .seconds(20)).string ?? ""
      return text.split(separator: "\r\n").filter { $0.contains("cmdstat_") }.map { String($0.prefix { $0 != "," }) }
    }
    _ = try await redis.send(["CONFIG", "RESETSTAT"], timeout: .seconds(20))
    #expect(try await keeper.turn() == .seconds(1))
    let found = try await calls()
    #expect(
      Set(found.filter { !$0.contains("info") && !$0.contains("config") }) == [
        "cmdstat_evalsha:calls=1", "cmdstat_time:calls=1", "cmdstat_zrangebyscore:calls=1",
      ])
  }

  @Test func `A keeper sleeps until the next time, for a second at most`() async throws {
    let start = try await now()
    try await put(.interval(seconds: 600, anchor: 0), next: start + 600)
    var keeper = keeper()
    #expect(try await keeper.turn() == .seconds(1))
    try await put(.interval(seconds: 1, anchor: 0), next: start, name: "t")
    #expect(try await keeper.turn() <= .seconds(1))
    #expect(try await runs() == 1)
  }

  /// The policy, and how many runs three missed ticks are.
  @Test(arguments: [(MissedPolicy.skip, 0), (.once, 1), (.all, 3)])
  func `Missed ticks are fired by their policy`(_ missed: MissedPolicy, _ count: Int) async throws {
    // The last tick is more than a minute past.
    let start = try await now()
    let anchor = start - 700
    try await put(.interval(seconds: 300, anchor: anchor), next: anchor, missed: missed)
    var keeper = keeper()
    _ = try await keeper.turn()
    #expect(try await runs() == count)
    let found = try await find()
    #expect(found.next == anchor + 900 && found.runs == count && found.skipped == 3 - count)
    #expect(found.fired == [anchor, anchor + 300, anchor + 600].suffix(count))
    _ = try await keeper.turn()
    #expect(try await runs() == count)
  }

  @Test func `Keepers that fire the same ticks at the same time make one run of each`() async throws {
    let start = try await now()
    for number in 0..<5 {
      try await put(
        .interval(seconds: 60, anchor: 0), next: (start / 60 - 19) * 60, missed: .all, name: "n\(number)")
    }
    try await withThrowingTaskGroup { group in
      for _ in 0..<4 {
        var keeper = keeper()
        group.addTask { for _ in 0..<30 { _ = try await keeper.turn() } }
      }
      try await group.waitForAll()
    }
    let due = (start / 60 - 19...(try await now()) / 60).count
    for number in 0..<5 { #expect(try await [due, due - 1].contains(find("n\(number)").runs)) }
    #expect(try await runs() == (0..<5).asyncSum { try await find("n\($0)").runs })
  }

  @Test func `A tick that waits keeps no other schedule from its ticks`() async throws {
    let start = try await now()
    for number in 0..<120 {
      try await put(
        .interval(seconds: 60, anchor: 0), next: start / 60 * 60 - 60, missed: .all, overlap: .wait, name: "w\(number)")
    }
    var keeper = keeper()
    _ = try await keeper.turn()
    #expect(try await runs() == 120)
    try await put(.interval(seconds: 60, anchor: 0), next: start, name: "s")
    #expect(try await keeper.turn() <= .seconds(1))
    #expect(try await find().runs == 1)
    #expect(try await runs() == 121)
  }

  @Test func `A worker without zones leaves their schedules to others, and says so once`() async throws {
    let start = try await now()
    try await put(.cron("* * * * *", zone: "Europe/Berlin"), next: start - 120)
    try await put(.cron("* * * * *", zone: "UTC"), next: start - 120, name: "utc")
    var bare = keeper(zones: TimeZoneFolder(path: "/nonexistent"))
    for _ in 0..<3 { _ = try await bare.turn() }
    #expect(try await find().runs == 0)
    #expect(try await find("utc").runs == 1)
    #expect(lines.all.count == 1 && lines.all[0].contains("Install tzdata"), "\(lines.all)")
    var other = keeper()
    _ = try await other.turn()
    #expect(try await find().runs == 1)
  }

  @Test func `Next times are worked out again when the data of a zone have changed`() async throws {
    let start = try await now()
    try await put(.cron("30 9 * * *", zone: "Asia/Kathmandu"), next: start + 86_000)
    var keeper = keeper()
    _ = try await keeper.turn()
    let zone = try TimeZoneFolder.system.zone(named: "Asia/Kathmandu")
    let schedule = Schedule(accepted: try CronExpression("30 9 * * *"), in: zone)
    #expect(try await find().next == schedule.next(after: start))
    #expect(lines.all.count { $0.contains("due at another time") } == 1)
  }

  @Test func `After steps of Redis's clock no tick is fired twice, and none is waited for in vain`() async throws {
    let start = try await now()
    let tick = start / 300 * 300
    try await put(.interval(seconds: 300, anchor: 0), next: tick)
    var first = keeper()
    _ = try await first.turn()
    #expect(try await find().fired == [tick])
    server.clock.set(.seconds(-900))
    var second = keeper()
    _ = try await second.turn()
    #expect(try await find().next == tick + 300)
    #expect(try await runs() == 1)
    // Two years ahead, and back.
    server.clock.set(.seconds(63_072_000))
    var third = keeper()
    _ = try await third.turn()
    #expect(try await find().fired.count == 2)
    server.clock.set(.zero)
    var fourth = keeper()
    _ = try await fourth.turn()
    #expect(try await find().next == tick + 300)
    #expect(try await runs() == 2)
  }

  @Test func `A schedule that cannot be read keeps no other one from its ticks`() async throws {
    let start = try await now()
    try await put(.interval(seconds: 60, anchor: 0), next: start)
    for (name, words) in [
      ("a", ["HSET", "wf:schedule:a", "generation", "x"]), ("b", ["SET", "wf:schedule:b", "mine"]),
    ] {
      var command = RedisArguments()
      for word in words { command.append(word) }
      _ = try await redis.send(command, timeout: .seconds(20))
      _ = try await redis.send(["ZADD", "wf:schedules", "1", "\(name)"], timeout: .seconds(20))
    }
    var keeper = keeper()
    _ = try await keeper.turn()
    #expect(try await find().runs == 1)
  }
}

extension Range<Int> {
  fileprivate func asyncSum(_ value: (Int) async throws -> Int) async rethrows -> Int {
    var sum = 0
    for element in self { sum += try await value(element) }
    return sum
  }
}

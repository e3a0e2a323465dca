import Hiredis
import RedisFixture
import Testing
import Workflow

@testable import WorkflowStore

/// Callbacks in Redis: one worker sends one at a time, and each is delivered or dead in the end.
@Suite(.timeLimit(.minutes(5))) struct CallbackStoreTests {
  private let bench: Bench

  init() throws { bench = try Bench() }

  /// Lays a callback down, due at once.
  private func add(
    _ id: String = JobID().description, host: String = "a", attempts: Int = 0, due: Int = 0
  ) async throws -> String {
    try await bench.send(
      "HSET", bench.prefix + "callback:\(id)", "job", String(id.prefix(36)), "url", "https://\(host)/", "host", host,
      "status", "finished", "run_name", "r", "finished_ts", "1.000000", "created_ts", "1.000000", "attempts",
      "\(attempts)")
    try await bench.send("ZADD", bench.prefix + "callbacks", "\(due)", id)
    return id
  }

  private func lease(
    _ token: String = "w", limit: Int = 10, perHost: Int = 16, rooms: [(host: String, room: Int, pause: Duration)] = [],
    after last: Int? = nil
  ) async throws -> CallbackTurn {
    try await bench.store.leaseCallbacks(
      CallbackLease(
        token: token, limit: limit, length: .seconds(30), attempts: 11, perHost: perHost, rooms: rooms), after: last)
  }

  private func score(_ key: String, _ id: String) async throws -> Double? {
    try await bench.send("ZSCORE", bench.prefix + key, id).string.flatMap { Double($0) }
  }

  @Test func `A callback is leased once, and again when the lease is over`() async throws {
    let id = try await add()
    let first = try await lease("one")
    #expect(first.callbacks.map(\.id) == [id] && first.callbacks[0].attempts == 1)
    #expect(try await lease("two").callbacks.isEmpty)
    #expect(try #require(first.next) * 1_000 > first.now + 29_000_000)
    try await bench.send("ZADD", bench.prefix + "callbacks", "0", id)
    let second = try await lease("two")
    #expect(second.callbacks.map(\.attempts) == [2])
    // Whoever has lost the lease says nothing but that the receiver has it.
    let late = CallbackOutcome.dead(status: 500, error: "late")
    #expect(try await bench.store.record(late, of: first.callbacks[0]) == false)
    #expect(try await score("callbacks", id) != nil)
    #expect(try await bench.store.record(.delivered(status: 200), of: first.callbacks[0]))
    #expect(
      try await bench.store.record(.repeated(after: .seconds(5), status: 500, error: "x"), of: second.callbacks[0])
        == false)
    #expect(try await bench.keys() == ["callback:\(id)"])
    #expect(try #require(try await bench.ttl("callback:\(id)")) > 600_000)
    let stored = try #require(try await bench.store.callback(id))
    #expect(stored.state == .delivered && stored.lastStatus == 200 && stored.deliveredAt != nil)
  }

  @Test func `A failed attempt waits, and the same outcome twice is recorded once`() async throws {
    let id = try await add()
    let callback = try #require(try await lease().callbacks.first)
    let outcome = CallbackOutcome.repeated(after: .seconds(300), status: 503, error: "it answered 503")
    #expect(try await bench.store.record(outcome, of: callback))
    let before = try await bench.snapshot()
    #expect(try await bench.store.record(outcome, of: callback) == false)
    #expect(try await bench.snapshot() == before)
    let due = try #require(try await score("callbacks", id))
    let now = try await bench.now()
    #expect((now * 1_000 + 290_000...now * 1_000 + 300_000).contains(due))
    let stored = try #require(try await bench.store.callback(id))
    #expect(stored.state == .waiting && stored.attempts == 1 && stored.lastError == "it answered 503")
    #expect(try await bench.ttl("callback:\(id)") == -1)
  }

  @Test func `An attempt that is given back does not count, and is due at once`() async throws {
    _ = try await add()
    let callback = try #require(try await lease("one").callbacks.first)
    #expect(try await bench.store.record(.givenBack, of: callback))
    #expect(try await lease("two").callbacks.map(\.attempts) == [1])
  }

  @Test func `Dead callbacks are kept for a time, the newest, and are sent again when asked for`() async throws {
    let id = try await add(attempts: 3)
    let callback = try #require(try await lease().callbacks.first)
    #expect(try await bench.store.record(.dead(status: 410, error: "it answered 410"), of: callback))
    #expect(try await bench.store.callback(id)?.state == .dead)
    #expect(try await score("callbacks", id) == nil)
    for key in ["callback:\(id)", "callbacks:dead"] { #expect(try #require(try await bench.ttl(key)) > 600_000) }
    #expect(try await bench.store.callbackCounts() == CallbackCounts(waiting: 0, dead: 1, overdue: 0))
    #expect(try await bench.store.recallCallback(id) == .recalled)
    #expect(try await bench.ttl("callback:\(id)") == -1)
    #expect(try await score("callbacks:dead", id) == nil)
    #expect(try await lease().callbacks.map(\.attempts) == [1])
    #expect(try await bench.store.recallCallback(id) == .busy)
    #expect(try await bench.store.recallCallback(JobID().description) == .unknown)
  }

  @Test func `A callback whose senders all die is given up in the end`() async throws {
    let id = try await add(attempts: 10)
    #expect(try await lease("one").callbacks.map(\.attempts) == [11])
    try await bench.send("ZADD", bench.prefix + "callbacks", "0", id)
    #expect(try await lease("two").callbacks.isEmpty)
    let stored = try #require(try await bench.store.callback(id))
    #expect(stored.state == .dead && stored.lastError?.contains("no worker has lived") == true)
  }

  @Test func `A receiver without room holds up no other`() async throws {
    for number in 0..<250 { _ = try await add(host: "slow", due: number) }
    let other = try await add(host: "good", due: 1_000)
    let rooms = [(host: "slow", room: 1, pause: Duration.seconds(60))]
    let first = try await lease(rooms: rooms)
    #expect(first.callbacks.map(\.host) == ["slow"])
    let full = [(host: "slow", room: 0, pause: Duration.seconds(60))]
    let second = try await lease(rooms: full)
    #expect(second.callbacks.map(\.id) == [other])
    #expect(try #require(second.next) * 1_000 > second.now)
    #expect(try await bench.store.callbackCounts().waiting == 251)
  }

  @Test func `One receiver gets so many at one time`() async throws {
    for _ in 0..<9 { _ = try await add(host: "a") }
    #expect(try await lease(limit: 64, perHost: 4).callbacks.count == 4)
    #expect(try await lease(limit: 0).callbacks.isEmpty)
  }

  @Test func `A run that ends after Redis's clock has gone back is reported at once`() async throws {
    let server = RedisServer(isRunning: true)
    let bench = try Bench(on: server)
    var options = RunOptions()
    options.callback = "https://a/"
    let run = Submission.sample(options: options)
    _ = try await bench.store.submit(run)
    let claimed = try await bench.claimOne()
    server.clock.set(.seconds(-3_600))
    try await bench.record(claimed, 1) { $0.finish() }
    let lease = CallbackLease(token: "w", limit: 10, length: .seconds(30), attempts: 11, perHost: 16, rooms: [])
    let found = try await bench.store.leaseCallbacks(lease, after: nil).callbacks
    #expect(found.map(\.id) == ["\(run.id)"])
  }

  @Test func `When Redis's clock goes back, no callback waits longer than it was put off for`() async throws {
    let id = try await add()
    let turn = try await lease()
    #expect(
      try await bench.store.record(.repeated(after: .seconds(60), status: nil, error: "x"), of: turn.callbacks[0]))
    try await bench.send("ZADD", bench.prefix + "callbacks", "31000000000000", id)
    let after = try await lease(after: turn.now + 3_600_000_000)
    #expect(try #require(try await score("callbacks", id)) <= Double(after.now) / 1_000 + 60_000)
    #expect(after.next != nil)
  }

  @Test func `Pages follow one another, also where many have the same time`() async throws {
    var ids: [String] = []
    for number in 0..<30 { ids.append(try await add(due: 4_000_000_000_000 + number / 10)) }
    let partitions = Partitions(bench.store)
    for isDead in [false, true] {
      if isDead {
        for id in ids {
          let score = try #require(try await score("callbacks", id))
          try await bench.send("ZADD", bench.prefix + "callbacks:dead", "\(Int(score))", id)
        }
      }
      var (found, cursor): ([String], CallbackCursor?) = ([], nil)
      repeat {
        let page = try await partitions.callbacks(dead: isDead, after: cursor, limit: 7)
        found += page.callbacks.map(\.id)
        cursor = try page.end.map { try #require(CallbackCursor($0.description)) }
      } while cursor != nil
      let sorted = ids.enumerated().sorted { ($0.offset / 10, $0.element) < ($1.offset / 10, $1.element) }.map(
        \.element)
      #expect(found == (isDead ? sorted.reversed() : sorted))
    }
  }

  @Test func `A callback whose key is gone, or is another's, is left out and harms no other`() async throws {
    let (gone, foreign) = (JobID().description, JobID().description)
    for id in [gone, foreign] { try await bench.send("ZADD", bench.prefix + "callbacks", "0", id) }
    try await bench.send("SET", bench.prefix + "callback:\(foreign)", "x")
    let id = try await add(due: 1)
    #expect(try await lease().callbacks.map(\.id) == [id])
    #expect(try await bench.send("ZCARD", bench.prefix + "callbacks").int == 1)
    try await bench.send("DEL", bench.prefix + "callbacks")
    try await bench.send("SET", bench.prefix + "callbacks", "x")
    await #expect(throws: StoreError.self) { try await lease() }
  }

  @Test(arguments: [
    "", "1", "1-", "-a", "1-xyz", "1-A", "01234567890123456-a", "1-" + String(repeating: "a", count: 65),
  ])
  func `What is no cursor is none`(_ text: String) { #expect(CallbackCursor(text) == nil) }
}

import FastCGI
import Hiredis
import Logging
import RedisFixture
import Synchronization
import Testing
import Workflow
import WorkflowStore

@testable import WorkflowAPI

/// The text of an event stream, as its client gets it.
@Suite(.timeLimit(.minutes(5))) struct EventFeedTests {
  private let redis = RedisServer()
  private let connection: RedisConnection
  private let store: RunStore
  private let events: RunEvents
  private let id = JobID()

  init() throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let address = try redis.address()
    connection = RedisConnection(address, name: "test", logger: logger)
    store = RunStore(connection, keys: Keys(), timeout: .seconds(30))
    events = RunEvents(address, partitions: Partitions(store), logger: logger)
  }

  private func send(_ words: String...) async throws {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    _ = try await connection.send(arguments, timeout: .seconds(30))
  }

  /// Makes a run of entries, and ends it if told to.
  private func run(_ entries: [String], ended: Bool = true) async throws {
    for entry in entries { try await send("RPUSH", "wf:progress:\(id)", entry) }
    try await send("HSET", "wf:job:\(id)", "status", ended ? "finished" : "started")
    try await send("PUBLISH", "wf:events:\(id)", "")
  }

  private func feed(into client: Client, quota: Quota = Quota(limit: 1 << 20), from next: Int = 0) -> EventFeed {
    EventFeed(id: id, store: store, events: events, quota: quota, next: next) {
      bytes throws(FastCGIClientGone) in try await client.take(bytes)
    }
  }

  @Test func `the first event carries the time to come back, and the end comes last`() async throws {
    try await run([#"{"a":1}"#, #"{"b":2}"#])
    let client = Client()
    let update = try await store.update(of: id, from: 0)
    await feed(into: client).run(from: .init(update: update, share: nil), heartbeat: .seconds(60))
    let text = """
      retry: 1000
      id: 0
      data: {"a":1}

      id: 1
      data: {"b":2}

      event: status
      data: {"status":"finished"}


      """
    #expect(client.text == text)
  }

  @Test func `a long log comes in portions, and its end after the last`() async throws {
    let entries = (0..<10).map { "{\"n\":\($0),\"x\":\"\(String(repeating: "x", count: 50_000))\"}" }
    try await run(entries)
    let client = Client()
    await feed(into: client, from: 2).run(from: .init(update: nil, share: nil), heartbeat: .seconds(60))
    let blocks = client.text.components(separatedBy: "\n\n")
    #expect(blocks.first?.hasPrefix(": waiting for Redis\nretry: 1000\nid: 2\n") == true)
    #expect(
      blocks.dropFirst().map { String($0.prefix { $0 != "\n" }) } == (3..<10).map { "id: \($0)" } + ["event: status"])
    #expect(client.pieces.allSatisfy { $0.utf8.count < RunStore.updatePortion + 4 * 51_000 })
  }

  @Test func `a heartbeat is one line, and none is sent to a client that has something to read`() async throws {
    try await run([#"{"a":1}"#], ended: false)
    let (client, other) = (Client(), Client())
    client.isSlow = true
    let update = try await store.update(of: id, from: 0)
    let (feed, otherFeed) = (feed(into: client), feed(into: other))
    async let whole: Void = feed.run(from: .init(update: update, share: nil), heartbeat: .milliseconds(1))
    try await client.until { $0.count == 1 }
    async let others: Void = otherFeed.run(from: .init(update: nil, share: nil), heartbeat: .milliseconds(1))
    try await other.until { $0.count > 50 }
    #expect(client.pieces.count == 1)
    client.isSlow = false
    try await client.until { $0.count > 3 }
    #expect(client.pieces.dropFirst().allSatisfy { $0 == ": heartbeat\n" })
    try await run([#"{"b":2}"#])
    await whole
    await others
    #expect(client.text.hasSuffix("id: 1\ndata: {\"b\":2}\n\nevent: status\ndata: {\"status\":\"finished\"}\n\n"))
  }

  @Test func `a stream that begins while Redis is away goes on when it is back`() async throws {
    try await run([#"{"a":1}"#])
    redis.pause()
    let client = Client()
    let feed = feed(into: client)
    async let whole: Void = feed.run(from: .init(update: nil, share: nil), heartbeat: .milliseconds(1))
    try await client.until { $0.count > 1 }
    #expect(client.pieces.first == ": waiting for Redis\n")
    #expect(client.pieces.dropFirst().allSatisfy { $0 == ": heartbeat\n" })
    redis.resume()
    await whole
    #expect(client.text.contains("id: 0\ndata: {\"a\":1}\n\n"))
  }

  @Test func `a log is sent once, and no more of it is read than that`() async throws {
    try await run((0..<20).map { "{\"n\":\($0),\"x\":\"\(String(repeating: "x", count: 50_000))\"}" }, ended: false)
    let before = try await bytesOut()
    let client = Client()
    let feed = feed(into: client)
    let update = try await store.update(of: id, from: 0)
    async let whole: Void = feed.run(from: .init(update: update, share: nil), heartbeat: .seconds(60))
    try await client.until { pieces in pieces.contains { $0.contains("id: 19\n") } }
    try await run(["{}"])
    await whole
    #expect(try await bytesOut() - before < 1_300_000)
  }

  private func bytesOut() async throws -> Int {
    let info = try await connection.send(["INFO", "stats"], timeout: .seconds(30)).string ?? ""
    let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("total_net_output_bytes:") } ?? ""
    return Int(line.drop { $0 != ":" }.dropFirst()) ?? 0
  }

  /// Who reads the stream.
  private final class Client: Sendable {
    private let state = Mutex((pieces: [String](), isSlow: false))

    var pieces: [String] { state.withLock { $0.pieces } }
    var text: String { pieces.joined() }
    /// Whether nothing is taken off its hands until it is quick again.
    var isSlow: Bool {
      get { state.withLock { $0.isSlow } }
      set { state.withLock { $0.isSlow = newValue } }
    }

    func take(_ bytes: [UInt8]) async throws(FastCGIClientGone) {
      state.withLock { $0.pieces.append(String(decoding: bytes, as: UTF8.self)) }
      while isSlow, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(1)) }
    }

    func until(_ condition: ([String]) -> Bool) async throws {
      while !condition(pieces) { try await Task.sleep(for: .milliseconds(1)) }
    }
  }
}

extension String {
  fileprivate func components(separatedBy separator: String) -> [String] {
    var parts = [""]
    var rest = self[...]
    while let range = rest.firstRange(of: separator) {
      parts[parts.count - 1] += rest[..<range.lowerBound]
      parts.append("")
      rest = rest[range.upperBound...]
    }
    parts[parts.count - 1] += rest
    return parts.filter { !$0.isEmpty }
  }
}

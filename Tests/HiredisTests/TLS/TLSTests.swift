import RedisFixture
import Testing

@testable import Hiredis

/// TLS with a real Redis, whose certificate is in order.
@Suite(.timeLimit(.minutes(5))) struct TLSTests {
  private let log = LogEvents()

  @Test(arguments: ["localhost", "127.0.0.1"])
  func `A host is reached by name and by number`(host: String) async throws {
    let redis = try TLSServer()
    let connection = RedisConnection(try redis.address(host))
    #expect(try await connection.send(["PING"]) == .status("PONG"))
    #expect(try await connection.send(["CLIENT", "INFO"]).string?.contains(":\(redis.port) ") == true)
    connection.close()
  }

  @Test func `Commands and replies of megabytes arrive whole, many at the same time`() async throws {
    let redis = try TLSServer()
    let connection = RedisConnection(try redis.address())
    let value = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<4 { group.addTask { try await store(value, as: "large:\(number)", over: connection) } }
      for number in 0..<1_000 { group.addTask { try await echo("\(number)", over: connection) } }
      try await group.waitForAll()
    }
    let replies = try await connection.send([["INCR", "n"], ["GET", "large:0"], ["PING"]], timeout: timeout)
    #expect(replies == [.integer(1), .bytes(value), .status("PONG")])
    #expect(connection.generation == 1)
    connection.close()
  }

  private func store(_ value: [UInt8], as key: String, over connection: RedisConnection) async throws {
    var command: RedisArguments = ["SET"]
    command.append(key)
    command.append(value)
    #expect(try await connection.send(command) == .status("OK"))
    var get: RedisArguments = ["GET"]
    get.append(key)
    #expect(try await connection.send(get).bytesValue == value)
  }

  private func echo(_ text: String, over connection: RedisConnection) async throws {
    var command: RedisArguments = ["ECHO"]
    command.append(text)
    #expect(try await connection.send(command).string == text)
  }

  @Test func `A subscription gets its messages, and recovers when the server is back`() async throws {
    let redis = try TLSServer()
    let events = Events<String>()
    let subscription = RedisSubscription(
      LinkConfiguration(address: try redis.address(), name: "reader", logger: log.logger, limits: .talkative),
      .init(
        onMessage: { events.record("\($0): \(String(decoding: $1, as: UTF8.self))") },
        onSubscribe: { events.record("subscribed to \($0)") }, onConnect: {}))
    let publisher = RedisConnection(try redis.address())
    subscription.subscribe("a")
    for round in 1...2 {
      await events.next { $0 == "subscribed to a" }
      let text = String(repeating: "\(round)", count: 100_000)
      #expect(try await publisher.send(["PUBLISH", "a", text]) == .integer(1))
      #expect(await events.next { $0.hasPrefix("a: ") } == "a: \(text)")
      if round == 2 { break }
      redis.server.kill()
      redis.start()
    }
    subscription.close()
    publisher.close()
  }

  @Test func `Commands that wait while the server is away are sent when it is back`() async throws {
    let redis = try TLSServer()
    let connection = RedisConnection(try redis.address())
    _ = try await connection.send(["PING"])
    redis.server.kill()
    async let reply = connection.send(["ECHO", "still here"])
    redis.start()
    #expect(try await reply.string == "still here")
    #expect(connection.generation == 2)
    connection.close()
  }

  @Test func `The server learns that the connection ends`() async throws {
    let redis = try TLSServer()
    let watcher = RedisConnection(try redis.server.address())
    let connection = RedisConnection(try redis.address())
    _ = try await connection.send(["PING"])
    connection.close()
    while try await watcher.send(["CLIENT", "LIST"]).string?.contains(":\(redis.port) ") == true {}
    watcher.close()
  }

  @Test func `A client certificate is shown to a server that asks for it`() async throws {
    let redis = try TLSServer(asksClients: true)
    let connection = RedisConnection(try redis.address(client: "client"))
    #expect(try await connection.send(["PING"]) == .status("PONG"))
    connection.close()
  }
}

import Hiredis
import RedisFixture
import Workflow

@testable import WorkflowStore

/// Partitions on two servers: the even ones on the first, the odd ones and what they share on the second.
struct SpreadRedis: Sendable {
  let servers = [RedisServer(), RedisServer()]
  let partitions: Partitions
  private let connections: [RedisConnection]

  /// Partitions whose servers answer.
  static func started() async throws -> SpreadRedis {
    let redis = try SpreadRedis()
    for number in 0...1 { try await redis.send("PING", to: number) }
    return redis
  }

  private init(count: Int = 4, timeout: Duration = patience) throws {
    connections = try servers.map { RedisConnection(try $0.address(), name: "test", logger: .silent) }
    let stores = Partitions.keys(Keys(), count: count).enumerated().map { [connections] number, keys in
      RunStore(connections[number % 2], keys: keys, timeout: timeout, partition: number)
    }
    partitions = Partitions(stores, keys: Keys(), on: connections[1], isSpread: true)
  }

  /// Ends a server, and waits until that is known.
  func kill(_ number: Int) async throws {
    servers[number].kill()
    while partitions.all[number].outage == nil { try await Task.sleep(for: .milliseconds(2)) }
  }

  /// Starts it again, without data, and waits until it answers.
  func start(_ number: Int) async throws {
    servers[number].start()
    while partitions.all[number].outage != nil { try await Task.sleep(for: .milliseconds(2)) }
  }

  /// Sends a command to a server.
  @discardableResult
  func send(_ words: String..., to number: Int) async throws -> RedisReply {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    return try await connections[number].send(arguments, timeout: patience)
  }

  /// An id that is in a partition.
  func id(in partition: Int) -> JobID {
    while true {
      let id = JobID()
      if partitions.number(of: id) == partition { return id }
    }
  }
}

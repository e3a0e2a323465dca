import Hiredis
import Synchronization

/// Which Redis answers, and in which role.
public struct ServerIdentity: Sendable, Equatable {
  /// Another one after every start of the server: its `run_id`, or the number of the connection where Redis does not
  /// report that.
  public let runID: String
  /// Whether it is a primary, which takes writes.
  public let isPrimary: Bool

  /// A server as it describes itself.
  public init(runID: String, isPrimary: Bool) {
    self.runID = runID
    self.isPrimary = isPrimary
  }
}

/// A command that wf needs and that its user may not run.
public struct MissingRight: Sendable, Equatable {
  /// The command's name in an ACL rule.
  public let command: String
  /// Whether the server knows it; if not, it was renamed or is not built in.
  public let isKnown: Bool
  /// Whether wf does without it.
  public let isOptional: Bool
}

/// Remembers that a question is not allowed, so that it is not asked again on the same connection: Redis writes each
/// refusal into its `ACL LOG`. `missingRights` reports it at the start.
final class Refusal: Sendable {
  private let generation = Atomic(-1)

  /// Asks; nil when the answer is, or was, that this is not allowed.
  func unlessRefused<Answer: Sendable>(
    on connection: RedisConnection, _ ask: () async throws(StoreError) -> Answer
  ) async throws(StoreError) -> Answer? {
    if generation.load(ordering: .relaxed) == connection.generation { return nil }
    do {
      return try await ask()
    } catch .refused(cause: "NOPERM", _, _), .refused(cause: "NOCOMMAND", _, _) {
      generation.store(connection.generation, ordering: .relaxed)
      return nil
    }
  }
}

extension RunStore {
  /// Asks Redis who it is.
  ///
  /// Where `INFO` is not allowed or renamed, the connection identifies the server: it does not outlive a restart, and
  /// it is only made to a primary.
  public func identity() async throws(StoreError) -> ServerIdentity {
    let facts = try await infoRefusal.unlessRefused(on: connection) { () async throws(StoreError) in
      try await info(["server", "replication"])
    }
    if let runID = facts?["run_id"], let role = facts?["role"] {
      return ServerIdentity(runID: runID, isPrimary: role == "master")
    }
    return ServerIdentity(runID: "connection \(connection.generation)", isPrimary: true)
  }

  /// Facts of some sections of `INFO`, by name.
  ///
  /// The sections are asked for one by one: Redis 6 knows no other way.
  public func info(_ sections: [String]) async throws(StoreError) -> [String: String] {
    var facts: [String: String] = [:]
    for section in sections {
      var command: RedisArguments = ["INFO"]
      command.append(section)
      // Bytes, not characters: Redis is asked once a second.
      for line in (try await send(command).bytesValue ?? []).split(whereSeparator: { $0 == 0x0d || $0 == 0x0a }) {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
        facts[String(decoding: line[..<colon], as: UTF8.self)] = String(decoding: line[(colon + 1)...], as: UTF8.self)
      }
    }
    return facts
  }

  /// What wf's user may not do of what wf needs; nil when the server cannot report it.
  ///
  /// Throws what Redis answers when nothing of wf can work there, as a cluster or a Redis below 7 does.
  public func missingRights() async throws(StoreError) -> [MissingRight]? {
    var arguments = RedisArguments()
    for command in RedisRequirements.commands {
      arguments.append(command.words.count)
      for word in command.words {
        switch word {
        case "KEY": arguments.append(keys.leases)
        case "CHANNEL": arguments.append(keys.wakeChannel(of: "w"))
        default: arguments.append(word)
        }
      }
    }
    let reply = try await evaluate(Scripts.rights, keys.shared, arguments)
    if reply.isNull { return nil }
    return (reply.array ?? []).compactMap { number in
      guard let number = number.int, RedisRequirements.commands.indices.contains(abs(number) - 1) else { return nil }
      let command = RedisRequirements.commands[abs(number) - 1]
      if RedisRequirements.isForReplicas(command.name), limits.replicas == 0 { return nil }
      if RedisRequirements.isForCluster(command.name), !connection.isCluster { return nil }
      return MissingRight(command: command.name, isKnown: number > 0, isOptional: command.isOptional)
    }
  }

  /// Sends one command that is no script.
  /// - Parameter limit: how long it may take; that of the store unless given.
  func send(_ command: RedisArguments, within limit: Duration? = nil) async throws(StoreError) -> RedisReply {
    do { return try await connection.send(command, timeout: limit ?? timeout) } catch { throw failure(error) }
  }
}

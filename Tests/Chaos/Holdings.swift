import Hiredis
import SystemHarness

/// Which worker holds which runs, by what lies in Redis.
struct Holdings: Sendable {
  let stack: Stack

  /// A run in a worker's hand.
  struct Held: Sendable, Equatable {
    /// The job's id.
    let id: String
    /// The fencing token of the claim.
    let token: String
    /// How many workers have died under it since its last checkpoint.
    let crashes: Int
  }

  /// The runs that a process holds, in the partitions that answer.
  /// - Throws: where none answers.
  func runs(of process: Int32) async throws -> [Held] {
    let started = try await concurrently(stack.prefixes) { prefix in
      try? await read("ZRANGE", prefix + "leases", "0", "-1").array?.compactMap(\.string)
    }.compactMap { $0 }
    guard !started.isEmpty else { throw StackFailure("no partition answers") }
    return try await concurrently(started.flatMap { $0 }) { id -> Held? in
      let reply = try? await read("HGET", stack.key("holds", ofPartition: id), id)
      guard let hold = reply?.string else { return nil }
      // A worker's name is made of host, process and a random part.
      let owner = Stack.worker(inHold: hold)?.split(separator: "-").dropLast().last.flatMap { Int32($0) }
      let words = hold.split(separator: " ")
      guard owner == process, words.count == 8 else { return nil }
      return Held(id: id, token: String(words[0]), crashes: Int(words[4]) ?? 0)
    }.compactMap { $0 }
  }

  /// Whether a run is still held by that claim, was taken from it, or has come to an end within it.
  enum Fate { case held, taken, over }

  /// What has become of a run that was held.
  func fate(of run: Held) async throws -> Fate {
    if let hold = try await read("HGET", stack.key("holds", ofPartition: run.id), run.id).string {
      return hold.hasPrefix(run.token + " ") ? .held : .taken
    }
    let end = try await read("HGET", stack.key("job", run.id), "end").string ?? ""
    return end.hasPrefix(run.token + " ") ? .over : .taken
  }

  private func read(_ words: String...) async throws -> RedisReply {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    return try await stack.redis.routed(to: words[1]).send(arguments, timeout: .seconds(1))
  }
}

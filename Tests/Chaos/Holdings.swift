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

  /// The runs that a process holds.
  func runs(of process: Int32) async throws -> [Held] {
    let started = try await read("ZRANGE", "wf:leases", "0", "-1").array?.compactMap(\.string) ?? []
    return try await concurrently(started) { id in
      let job = try await read("HMGET", "wf:job:\(id)", "worker", "status", "token", "crashes").array ?? []
      // A worker's name is made of host, process and a random part.
      let owner = job[0].string?.split(separator: "-").dropLast().last.flatMap { Int32($0) }
      guard owner == process, job[1].string == "started", let token = job[2].string else { return nil }
      return Held(id: id, token: token, crashes: job[3].int ?? 0)
    }.compactMap { $0 }
  }

  /// Whether a run is still held by that claim, was taken from it, or has come to an end within it.
  enum Fate { case held, taken, over }

  /// What has become of a run that was held.
  func fate(of run: Held) async throws -> Fate {
    let job = try await read("HMGET", "wf:job:\(run.id)", "token", "status").array ?? []
    if job[0].string != run.token { return .taken }
    return job[1].string == "started" ? .held : .over
  }

  private func read(_ words: String...) async throws -> RedisReply {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    return try await stack.redis.send(arguments, timeout: .seconds(1))
  }
}

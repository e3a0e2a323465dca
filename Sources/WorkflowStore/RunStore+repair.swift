import Hiredis

/// What a look at a part of all jobs has found, and repaired.
public struct Reconciliation: Sendable {
  /// Where the next look goes on; nil when all jobs have been seen.
  public let cursor: String?
  /// The runs that nobody would have taken, each with a sentence's part that says why.
  public let repaired: [(id: JobID, what: String)]
}

/// A run that took down too many workers.
public struct DeadLetter: Sendable, Equatable {
  /// The run.
  public let id: JobID
  /// What its author calls it.
  public let runName: String
  /// When it was accepted, in seconds since 1970, as text.
  public let createdAt: String
  /// When a worker first took it.
  public let startedAt: String
  /// When it was given up.
  public let finishedAt: String
  /// The kind of failure.
  public let errorCode: String
  /// Why it was given up.
  public let error: String
}

extension RunStore {
  /// Dead letters that are kept, the newest.
  static let keptDeadLetters = 10_000
  /// Above this length a queue is not searched for a run: that would hold up everybody else.
  private static let searchedQueueLength = 1_000

  /// Looks at about a thousand keys for runs that nobody would ever take.
  /// - Parameters:
  ///   - cursor: where the last look ended; nil to begin.
  ///   - lease: what a started run without one is given.
  public func reconcile(from cursor: String?, lease: Duration) async throws(StoreError) -> Reconciliation {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(cursor ?? "0")
    arguments.append(1_000)
    arguments.append(lease.milliseconds)
    arguments.append(Keys.format)
    arguments.append(RunStore.searchedQueueLength)
    arguments.append(keys.wakeChannel)
    arguments.append(limits.crashes)
    let reply = try await evaluate(
      Scripts.reconcile, [keys.leases, keys.queue, keys.suspects, keys.repairs], arguments)
    guard let words = reply.array?.map({ $0.string ?? "" }), let next = words.first else {
      throw RunStore.damaged(Scripts.reconcile, reply)
    }
    let repaired = stride(from: 1, to: words.count - 1, by: 2).compactMap { index in
      JobID(words[index]).map { (id: $0, what: words[index + 1]) }
    }
    return Reconciliation(cursor: next == "0" ? nil : next, repaired: repaired)
  }

  /// Reads the runs that took down too many workers, the newest first.
  public func deadLetters(limit: Int) async throws(StoreError) -> [DeadLetter] {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(limit)
    let reply = try await evaluate(Scripts.dead, [keys.dead], arguments)
    guard let rows = reply.array else { throw RunStore.damaged(Scripts.dead, reply) }
    return rows.compactMap { row in
      let words = row.array?.map { $0.string ?? "" } ?? []
      guard words.count == 7, let id = JobID(words[0]) else { return nil }
      return DeadLetter(
        id: id, runName: words[1], createdAt: words[2], startedAt: words[3], finishedAt: words[4], errorCode: words[5],
        error: words[6])
    }
  }
}

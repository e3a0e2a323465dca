import Hiredis
import LinuxSupport
import Workflow

/// What one pass over a part of the live runs has found, and repaired.
public struct Reconciliation: Sendable {
  /// Where a pass ends and the next one continues.
  public struct Position: Sendable, Equatable {
    /// Among the live runs; empty when all have been seen.
    public var live = ""
    /// Among all keys; 0 when all have been seen.
    public var keys = "0"

    /// The start.
    public init() {}
  }

  /// Where the next pass continues.
  public let position: Position
  /// The runs that no worker would have taken, each with a sentence's part that says why.
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
  /// The ids of the steps that were running when its last worker died, up to eight, in the order of their start.
  public let stepsInFlight: [String]
}

extension RunStore {
  /// Dead letters that are kept, the newest.
  static let keptDeadLetters = 10_000
  /// Above this length the queues are not searched for a run: that would hold up everybody else.
  private static let searchedQueueLength = 5_000

  /// Checks up to a thousand live runs for those that no worker would claim, and some keys for live runs that are
  /// missing from the index of live runs. One worker at a time does this.
  /// - Parameters:
  ///   - position: where the last pass ended.
  ///   - worker: the caller.
  ///   - lease: the lease that a started run without one gets; another worker takes over when the checking one has been
  ///     silent for so long.
  ///   - keyCount: about how many keys to check.
  /// - Returns: nil when another worker checks.
  public func reconcile(
    from position: Reconciliation.Position, worker: String, lease: Duration, keyCount: Int = 100
  ) async throws(StoreError) -> Reconciliation? {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(position.live)
    arguments.append(1_000)
    arguments.append(position.keys)
    arguments.append(keyCount)
    arguments.append(lease.milliseconds)
    arguments.append(Self.searchedQueueLength)
    arguments.append(limits.crashes)
    arguments.append(worker)
    arguments.append(limits.retain)
    let names = [keys.leases, keys.recovery, keys.timers, keys.deadlines]
    let reply = try await evaluate(Scripts.reconcile, names, arguments)
    if case .null = reply { return nil }
    guard let words = reply.array?.map({ $0.string ?? "" }), words.count >= 2 else {
      throw Self.damaged(Scripts.reconcile, reply)
    }
    var next = Reconciliation.Position()
    (next.live, next.keys) = (words[0], words[1])
    let repaired = stride(from: 2, to: words.count - 1, by: 2).compactMap { index in
      JobID(words[index]).map { (id: $0, what: words[index + 1]) }
    }
    for (id, what) in repaired where what == "queued in an unknown class" { try await makeClassKnown(of: id) }
    return Reconciliation(position: next, repaired: repaired)
  }

  /// Notes the class of a queued run, and what it requires of a worker.
  private func makeClassKnown(of id: JobID) async throws(StoreError) {
    guard let name = try await send(["HGET", keys.job(id), "run"]).string?.split(separator: " ").first else { return }
    let requirements = RunClasses.text(of: try await requirements(of: id))
    _ = try await send(["HSETNX", keys.classes, String(name), requirements])
  }

  /// Reads the runs that took down too many workers, the newest first.
  public func deadLetters(limit: Int) async throws(StoreError) -> [DeadLetter] {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(limit)
    let reply = try await evaluate(Scripts.dead, [keys.dead], arguments)
    guard let rows = reply.array else { throw Self.damaged(Scripts.dead, reply) }
    return rows.compactMap { row in
      let words = row.array?.map { $0.string ?? "" } ?? []
      guard words.count == 8, let id = JobID(words[0]) else { return nil }
      let last = row.array?.last?.array?.compactMap { $0.string.flatMap { ProgressHead(Array($0.utf8)) } } ?? []
      return DeadLetter(
        id: id, runName: words[1], createdAt: words[2], startedAt: words[3], finishedAt: words[4], errorCode: words[5],
        error: words[6], stepsInFlight: Self.startedSteps(last))
    }
  }

  /// The steps that began after the last checkpoint or change of worker.
  /// - Parameter heads: progress entries, the newest first.
  private static func startedSteps(_ heads: [ProgressHead]) -> [String] {
    let sinceCheckpoint = heads.prefix { !["enqueued", "started", "resumed", "step_done"].contains($0.message) }
    return sinceCheckpoint.filter { $0.message == "step_start" }.compactMap(\.step).reversed()
  }
}

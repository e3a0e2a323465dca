import ExactJSON
import Hiredis
import LinuxSupport
import Workflow

/// A run that a worker holds, as named in its heartbeat.
public struct HeldRun: Sendable, Equatable {
  /// The run.
  public let id: JobID
  /// The fencing token of the claim.
  public let token: String

  /// A run that a worker holds.
  public init(id: JobID, token: String) {
    self.id = id
    self.token = token
  }

  /// Reads a message of a worker's control channel: id and token, with a blank between them.
  public init?(_ message: some StringProtocol) {
    let words = message.split(separator: " ")
    guard words.count == 2, let id = JobID(String(words[0])) else { return nil }
    self.init(id: id, token: String(words[1]))
  }
}

/// What the recoverer did with a lapsed lease.
public enum Recovery: String, Sendable, Equatable {
  /// The run is back at the head of its queue.
  case requeued
  /// The run has taken down too many workers, and ended as failed.
  case failed
  /// There was no started run to the lease.
  case dropped
}

/// What one turn of the recoverer did.
public struct RecoveryTurn: Sendable {
  /// What a turn is to do.
  public enum Kind: String, Sendable {
    /// It takes lapsed leases.
    case taking = "recovered"
    /// It takes nothing, because the caller has not watched Redis for a lease yet.
    case watching = "watched"
    /// It takes nothing, and does not count as a turn for the health answer.
    case probing = ""
  }

  /// Redis's clock, for the caller's next turn.
  public let clock: String
  /// Whether more time had passed since the caller's last turn than may, or Redis's clock had gone back: nothing was
  /// taken, and nothing may be until live workers have had time to renew their leases.
  public let isHeldUp: Bool
  /// Whether another turn at once has something to do.
  public let hasMore: Bool
  /// The runs of lapsed leases, what became of each, and the worker that has let its lease lapse; nil where that is not
  /// known.
  public let runs: [(id: JobID, recovery: Recovery, worker: String?)]
}

/// The answer to a heartbeat.
public struct HeartbeatAnswer: Sendable {
  /// Those that others have taken from the worker.
  public let lost: [JobID]
  /// Those that the worker has ended, and that Redis holds for started.
  public let unfinished: [JobID]
  /// Those that returned to their queue, because the answer to their claim was lost.
  public let returned: [JobID]
  /// Those that are paused.
  public let paused: [JobID]
}

extension RunStore {
  /// Renews the leases of the runs that a worker holds, without waiting.
  /// - Parameters:
  ///   - ended: runs that the worker has ended a moment ago; their leases are renewed if Redis has lost that.
  ///   - settledClaim: the number of the newest claim whose runs are held, or whose answer was lost: runs that it
  ///     brought and that are not held return to their queue.
  ///   - function: is given the answer, on the connection's thread.
  public func heartbeat(
    worker: String, runs: [HeldRun], ended: [HeldRun] = [], settledClaim: Int = 0, lease: Duration,
    then function: @escaping @Sendable (Result<HeartbeatAnswer, StoreError>) -> Void
  ) {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(worker)
    arguments.append(lease.milliseconds)
    arguments.append(limits.workerMemory)
    arguments.append(settledClaim)
    arguments.append(ended.count)
    for run in ended + runs {
      arguments.append(run.id.description)
      arguments.append(run.token)
    }
    let names = [keys.leases, keys.workers, keys.leaseLengths, keys.recovery, keys.claim(worker)]
    connection.evaluate(Scripts.heartbeat, keys: names, arguments: arguments, timeout: timeout) { [self] outcome in
      switch outcome {
      case .success(let reply):
        function(Result { () throws(StoreError) in try Self.heartbeatAnswer(reply) })
      case .failure(let error): function(.failure(failure(error)))
      }
    }
  }

  private static func heartbeatAnswer(_ reply: RedisReply) throws(StoreError) -> HeartbeatAnswer {
    let lists = (reply.array ?? []).map { ($0.array ?? []).compactMap { $0.string.flatMap { JobID($0) } } }
    guard lists.count == 4 else { throw damaged(Scripts.heartbeat, reply) }
    return HeartbeatAnswer(lost: lists[0], unfinished: lists[1], returned: lists[2], paused: lists[3])
  }

  /// Says that a worker has stopped: it does not count as alive any more.
  public func deregister(worker: String) async throws(StoreError) {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(worker)
    _ = try await evaluate(Scripts.leave, [keys.workers, keys.leaseLengths], arguments)
  }

  /// Puts the runs of lapsed leases back at the head of their queue.
  /// - Parameters:
  ///   - last: what the caller's last turn returned as its clock; nil at its first turn, which takes nothing.
  ///   - gap: how much later than that this turn may be when it comes to be carried out; else it takes nothing, because
  ///     the heartbeats of living workers may have been held up just as long.
  ///   - kind: also a turn that takes nothing is refused when writes are.
  ///   - lease: the caller's lease; no lease ends later than the longest lease of any worker.
  ///   - limit: how many runs at most; as many take Redis some 2 ms.
  public func recover(
    after last: String?, within gap: Duration, kind: RecoveryTurn.Kind, lease: Duration, limit: Int = 100
  ) async throws(StoreError) -> RecoveryTurn {
    let sentence = "workers died \(limits.crashes) times in a row while executing this run"
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(limit)
    arguments.append(limits.crashes)
    arguments.append(limits.retain)
    arguments.append(JSONValue.string(sentence).bytes)
    arguments.append(sentence)
    arguments.append(limits.workerMemory)
    arguments.append(Self.keptDeadLetters)
    arguments.append(last ?? "")
    arguments.append(gap.milliseconds)
    arguments.append(kind == .taking ? 1 : 0)
    arguments.append(lease.milliseconds)
    arguments.append(kind.rawValue)
    let names = [keys.leases, keys.workers, keys.dead, keys.leaseLengths, keys.recovery]
    let turn = try recoveryTurn(in: try await evaluate(Scripts.recover, names, arguments))
    if !turn.runs.isEmpty { CommitPoint.afterRecovery.pass() }
    return turn
  }

  private func recoveryTurn(in reply: RedisReply) throws(StoreError) -> RecoveryTurn {
    guard let parts = reply.array, parts.count >= 3, let clock = parts[0].string, let isHeldUp = parts[1].int,
      let hasMore = parts[2].int
    else { throw Self.damaged(Scripts.recover, reply) }
    let words = parts.dropFirst(3).map { $0.string ?? "" }
    let runs = stride(from: 0, to: words.count - 2, by: 3).compactMap { index -> (JobID, Recovery, String?)? in
      guard let id = JobID(words[index]), let recovery = Recovery(rawValue: words[index + 1]) else { return nil }
      return (id, recovery, Self.worker(inToken: words[index + 2]))
    }
    return RecoveryTurn(clock: clock, isHeldUp: isHeldUp == 1, hasMore: hasMore == 1, runs: runs)
  }

  /// The worker in a fencing token, which is a number and the claim's id, as `1-host-7-ab12/3`; nil where it has none.
  private static func worker(inToken token: String) -> String? {
    let claim = token.drop { $0 != "-" }.dropFirst()
    let worker = claim.prefix { $0 != "/" }
    return worker.isEmpty ? nil : String(worker)
  }
}

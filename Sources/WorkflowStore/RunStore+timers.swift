import Hiredis
public import Workflow

/// What a look at the timers did.
public struct TimerTurn: Sendable, Equatable {
  /// What became of a run.
  public enum Outcome: String, Sendable, Equatable {
    /// Its time has come; it is in its queue again.
    case due
    /// Its time limit was over; it has ended as failed.
    case timedOut = "timed out"
    /// There was no such run any more.
    case dropped
  }

  /// Redis's clock.
  public let now: Timestamp
  /// When the next run is due or over; nil when none waits.
  public let next: Timestamp?
  /// The runs, and what became of each.
  public let runs: [(id: JobID, outcome: Outcome)]

  /// Whether both did the same.
  public static func == (one: Self, other: Self) -> Bool {
    one.now == other.now && one.next == other.next
      && one.runs.elementsEqual(other.runs) { $0.id == $1.id && $0.outcome == $1.outcome }
  }
}

/// What became of a run whose turn has come.
public enum HurryOutcome: String, Sendable, Equatable {
  /// It is in its queue again.
  case hurried
  /// A worker holds it, or it is in its queue.
  case busy
  /// It is paused, has ended or is gone.
  case over
}

extension RunStore {
  /// Returns a parked run to its queue before it is due, because the turn of its call of a model has come. Safe to send
  /// twice.
  public func hurry(_ id: JobID) async throws(StoreError) -> HurryOutcome {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(id.description)
    arguments.append(limits.crashes)
    let reply = try await evaluate(Scripts.hurry, [keys.timers], arguments)
    guard let outcome = reply.string.flatMap(HurryOutcome.init) else { throw Self.damaged(Scripts.hurry, reply) }
    return outcome
  }

  /// Returns parked runs whose time has come to their queues, and ends runs whose time limit is over.
  /// - Parameters:
  ///   - last: Redis's clock at the caller's last turn; nil at its first.
  ///   - limit: how many of each at most.
  public func turnTimers(after last: Timestamp? = nil, limit: Int = 100) async throws(StoreError) -> TimerTurn {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(limit)
    arguments.append(limits.retain)
    arguments.append(limits.crashes)
    arguments.append(last.map { "\($0.microseconds)" } ?? "")
    let reply = try await evaluate(Scripts.timers, [keys.timers, keys.deadlines], arguments)
    guard let parts = reply.array, parts.count >= 3, let now = parts[0].int else {
      throw Self.damaged(Scripts.timers, reply)
    }
    var runs: [(id: JobID, outcome: TimerTurn.Outcome)] = []
    for index in stride(from: 3, to: parts.count - 1, by: 2) {
      guard let outcome = parts[index + 1].string.flatMap(TimerTurn.Outcome.init) else { continue }
      if let id = parts[index].string.flatMap({ JobID($0) }) { runs.append((id, outcome)) }
    }
    let next = parts[1...2].compactMap { $0.string.flatMap { Double($0) } }.min()
    return TimerTurn(
      now: Timestamp(microseconds: now), next: next.map { Timestamp(microseconds: Int($0) * 1_000) }, runs: runs)
  }
}

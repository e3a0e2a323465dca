import Hiredis

/// How many runs there are, by status, and how old the oldest are.
public struct RunCounts: Sendable, Equatable {
  /// Runs that wait, for whatever.
  public var queued = 0
  /// Runs held by workers.
  public var started = 0
  /// Of the queued ones, those that wait for a time or are paused.
  public var parked = 0
  /// Of these, those that are paused.
  public var paused = 0
  /// All that are listed; those that have ended in the last two hours of their retention are among them.
  public var listed = 0
  /// Those of them that have failed.
  public var failed = 0
  /// Those of them that were cancelled.
  public var cancelled = 0
  /// Seconds for which the oldest run that a worker could take has waited.
  public var oldestQueued = 0.0
  /// Seconds since the oldest started run was first taken.
  public var oldestStarted = 0.0

  /// Those that have finished.
  public var finished: Int { max(0, listed - queued - started - failed - cancelled) }
}

extension RunStore {
  fileprivate func counts() async throws(StoreError) -> RunCounts {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    let names = [keys.live, keys.leases, keys.timers, keys.paused, keys.runs, keys.endedRuns]
    let reply = try await evaluate(Scripts.counts, names, arguments)
    guard let parts = reply.array, parts.count == 9, let waiting = parts[7].string.flatMap(Double.init),
      let running = parts[8].string.flatMap(Double.init)
    else { throw Self.damaged(Scripts.counts, reply) }
    let numbers = parts.prefix(7).map { $0.int ?? 0 }
    return RunCounts(
      queued: numbers[0], started: numbers[1], parked: numbers[2], paused: numbers[3], listed: numbers[4],
      failed: numbers[5], cancelled: numbers[6], oldestQueued: waiting, oldestStarted: running)
  }
}

extension RunCounts {
  fileprivate mutating func add(_ counts: RunCounts) {
    queued += counts.queued
    started += counts.started
    parked += counts.parked
    paused += counts.paused
    listed += counts.listed
    failed += counts.failed
    cancelled += counts.cancelled
    oldestQueued = max(oldestQueued, counts.oldestQueued)
    oldestStarted = max(oldestStarted, counts.oldestStarted)
  }
}

extension Partitions {
  /// Counts the runs of all partitions.
  public func counts() async throws(StoreError) -> RunCounts {
    try await gather { _, store throws(StoreError) in try await store.counts() }.reduce(into: RunCounts()) {
      $0.add($1)
    }
  }

  /// The same of the partitions that answer, where they are on several servers.
  public func knownCounts() async throws(StoreError) -> RunCounts {
    guard isSpread else { return try await counts() }
    return await answers(within: .seconds(2)) { _, store throws(StoreError) in try await store.counts() }
      .reduce(into: RunCounts()) { sum, answer in if case .success(let counts) = answer { sum.add(counts) } }
  }
}

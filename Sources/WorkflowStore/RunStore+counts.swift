import Hiredis

/// How many runs there are, by where they stand, and how old the oldest are.
public struct RunCounts: Sendable, Equatable {
  /// Runs that wait, for whatever.
  public var queued = 0
  /// Runs in some worker's hand.
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
    else { throw RunStore.damaged(Scripts.counts, reply) }
    let numbers = parts.prefix(7).map { $0.int ?? 0 }
    return RunCounts(
      queued: numbers[0], started: numbers[1], parked: numbers[2], paused: numbers[3], listed: numbers[4],
      failed: numbers[5], cancelled: numbers[6], oldestQueued: waiting, oldestStarted: running)
  }
}

extension Partitions {
  /// Counts the runs of all partitions.
  public func counts() async throws(StoreError) -> RunCounts {
    var sum = RunCounts()
    for store in all {
      let counts = try await store.counts()
      sum.queued += counts.queued
      sum.started += counts.started
      sum.parked += counts.parked
      sum.paused += counts.paused
      sum.listed += counts.listed
      sum.failed += counts.failed
      sum.cancelled += counts.cancelled
      sum.oldestQueued = max(sum.oldestQueued, counts.oldestQueued)
      sum.oldestStarted = max(sum.oldestStarted, counts.oldestStarted)
    }
    return sum
  }
}

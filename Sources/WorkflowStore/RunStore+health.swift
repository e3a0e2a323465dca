import Hiredis

/// The state of the whole, as the health answer shows it.
public struct StoreHealth: Sendable, Equatable {
  /// Runs that wait for a worker.
  public let queued: Int
  /// Runs held by workers.
  public let started: Int
  /// Workers that have beaten within their lease, and have not said that they stop.
  public let workers: Int
  /// How often something was found broken and was repaired, by what it was, such as `runs_without_lease`.
  public let repairs: [String: Int]
  /// Seconds for which no worker has looked for lapsed leases though it should have; 0 when one has.
  public let recoveryOverdue: Int
  /// The same for runs that no worker would take.
  public let reconciliationOverdue: Int
  /// Queued runs by what they require of a worker (``WorkflowDefinition/requirements``).
  public let waiting: [Set<String>: Int]
}

extension RunStore {
  /// Reads the state of the whole.
  public func health() async throws(StoreError) -> StoreHealth {
    let names = [keys.leases, keys.workers, keys.leaseLengths, keys.recovery] + keys.formerQueues.map(\.key)
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    let reply = try await evaluate(Scripts.health, names, arguments)
    guard let parts = reply.array, parts.count == 7, let repairs = parts[3].array,
      let queued = parts[0].int, let started = parts[1].int, let workers = parts[2].int,
      let recovery = parts[4].int, let reconciliation = parts[5].int
    else { throw Self.damaged(Scripts.health, reply) }
    var counts: [String: Int] = [:]
    for index in stride(from: 0, to: repairs.count - 1, by: 2) {
      if let name = repairs[index].string { counts[name] = repairs[index + 1].int }
    }
    let words = parts[6].array ?? []
    let waiting = stride(from: 0, to: words.count - 1, by: 2).map { index in
      (Set((words[index].string ?? "").split(separator: " ").map(String.init)), words[index + 1].int ?? 0)
    }
    return StoreHealth(
      queued: queued, started: started, workers: workers, repairs: counts, recoveryOverdue: recovery,
      reconciliationOverdue: reconciliation, waiting: Dictionary(waiting, uniquingKeysWith: +))
  }
}

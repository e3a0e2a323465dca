extension Partitions {
  /// Reads the state of the whole: counts are sums, the rest is that of the worst partition.
  public func health() async throws(StoreError) -> StoreHealth {
    var health = try await all[0].health()
    for store in all.dropFirst() { health = health.joined(with: try await store.health()) }
    return health
  }

  /// How many steps of the last hour have the placeholder's words because the model failed.
  public func fallbacksOfLastHour() async throws(StoreError) -> Int {
    var count = 0
    for store in all { count += try await store.fallbacksOfLastHour() }
    return count
  }

  /// Reads the runs that took down too many workers, the newest first.
  public func deadLetters(limit: Int) async throws(StoreError) -> [DeadLetter] {
    guard count > 1 else { return try await all[0].deadLetters(limit: limit) }
    var letters: [DeadLetter] = []
    for store in all { letters += try await store.deadLetters(limit: limit) }
    letters.sort { (Double($0.finishedAt) ?? 0) > (Double($1.finishedAt) ?? 0) }
    return Array(letters.prefix(limit))
  }

  /// What wf's user may not do of what wf needs, in the first partition where something is missing; nil when the server
  /// cannot tell.
  public func missingRights() async throws(StoreError) -> [MissingRight]? {
    for store in all {
      guard let missing = try await store.missingRights() else { return nil }
      if !missing.isEmpty { return missing }
    }
    return []
  }
}

extension StoreHealth {
  /// The state of two partitions. A worker serves them all, so the lower number of workers counts.
  fileprivate func joined(with other: StoreHealth) -> StoreHealth {
    StoreHealth(
      queued: queued + other.queued, started: started + other.started, workers: min(workers, other.workers),
      repairs: repairs.merging(other.repairs, uniquingKeysWith: +),
      recoveryOverdue: max(recoveryOverdue, other.recoveryOverdue),
      reconciliationOverdue: max(reconciliationOverdue, other.reconciliationOverdue),
      waiting: waiting.merging(other.waiting, uniquingKeysWith: +))
  }
}

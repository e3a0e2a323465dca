public import Workflow

extension Partitions {
  /// Reads the state of the whole: counts are sums, the rest is that of the worst partition.
  public func health() async throws(StoreError) -> StoreHealth {
    let found = try await gather { _, store throws(StoreError) in try await store.health() }
    return found.dropFirst().reduce(found[0]) { $0.joined(with: $1) }
  }

  /// How many steps of the last hour have the placeholder's words because the model failed.
  public func fallbacksOfLastHour() async throws(StoreError) -> Int {
    try await gather { _, store throws(StoreError) in try await store.fallbacksOfLastHour() }.reduce(0, +)
  }

  /// Reads the runs that took down too many workers, the newest first.
  public func deadLetters(limit: Int) async throws(StoreError) -> [DeadLetter] {
    guard count > 1 else { return try await all[0].deadLetters(limit: limit) }
    var letters = try await gather { _, store throws(StoreError) in try await store.deadLetters(limit: limit) }
      .flatMap(\.self)
    letters.sort { (Double($0.finishedAt) ?? 0) > (Double($1.finishedAt) ?? 0) }
    return Array(letters.prefix(limit))
  }

  /// What calls of models have used for a run, by step. They are counted in the first partition: nil where that is down
  /// and the others are not.
  public func usage(ofRun id: JobID) async throws(StoreError) -> [String: ModelUsage]? {
    if all[0].isDown { return nil }
    do { return try await all[0].usage(ofRun: id) } catch {
      if case .down = error { return nil }
      throw error
    }
  }

  /// What wf's user may not do of what wf needs, in the first partition where something is missing; nil when the server
  /// cannot report it.
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
  func joined(with other: StoreHealth) -> StoreHealth {
    StoreHealth(
      queued: queued + other.queued, started: started + other.started, workers: min(workers, other.workers),
      repairs: repairs.merging(other.repairs, uniquingKeysWith: +),
      recoveryOverdue: max(recoveryOverdue, other.recoveryOverdue),
      reconciliationOverdue: max(reconciliationOverdue, other.reconciliationOverdue),
      waiting: waiting.merging(other.waiting, uniquingKeysWith: +))
  }
}

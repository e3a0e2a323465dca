extension Partitions {
  /// The store that holds a callback: that of its run. Its id begins with the run's.
  public func store(ofCallback id: String) -> RunStore? { JobID(String(id.prefix(36))).map { store(of: $0) } }

  /// Reads a page of callbacks: those that wait, the first due first, or dead ones, the newest first.
  public func callbacks(
    dead: Bool, after cursor: CallbackCursor?, limit: Int
  ) async throws(StoreError) -> CallbackPage {
    var found: [(place: CallbackCursor, callback: StoredCallback)] = []
    for store in all { found += try await store.callbacks(dead: dead, after: cursor, limit: limit + 1) }
    found.sort { one, other in
      let (first, second) = dead ? (other.place, one.place) : (one.place, other.place)
      return (first.milliseconds, first.id) < (second.milliseconds, second.id)
    }
    let page = found.prefix(limit)
    return CallbackPage(callbacks: page.map(\.callback), end: found.count > limit ? page.last?.place : nil)
  }

  /// Counts the callbacks of all partitions.
  public func callbackCounts() async throws(StoreError) -> CallbackCounts {
    var counts = CallbackCounts(waiting: 0, dead: 0, overdue: 0)
    for store in all {
      let own = try await store.callbackCounts()
      counts.waiting += own.waiting
      counts.dead += own.dead
      counts.overdue = max(counts.overdue, own.overdue)
    }
    return counts
  }

  /// Has dead callbacks of all partitions sent again.
  /// - Parameter limit: how many of each partition.
  /// - Returns: how many, and how many are left.
  public func recallDeadCallbacks(limit: Int) async throws(StoreError) -> (count: Int, left: Int) {
    var (count, left) = (0, 0)
    for store in all {
      let own = try await store.recallDeadCallbacks(limit: limit)
      count += own.count
      left += own.left
    }
    return (count, left)
  }
}

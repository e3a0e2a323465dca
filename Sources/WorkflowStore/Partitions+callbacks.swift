extension Partitions {
  /// The store that holds a callback: that of its run. Its id begins with the run's.
  public func store(ofCallback id: String) -> RunStore? { JobID(String(id.prefix(36))).map { store(of: $0) } }

  /// Reads a page of callbacks: those that wait, the first due first, or dead ones, the newest first.
  /// - Parameter owner: whose; nil for everybody's. Such a page may have fewer than `limit` although more follow.
  public func callbacks(
    dead: Bool, of owner: String? = nil, after cursor: CallbackCursor?, limit: Int
  ) async throws(StoreError) -> CallbackPage {
    func precedes(_ one: CallbackCursor, _ other: CallbackCursor) -> Bool {
      let (first, second) = dead ? (other, one) : (one, other)
      return (first.milliseconds, first.id) < (second.milliseconds, second.id)
    }
    var found: [FoundCallback] = []
    var ends: [CallbackCursor] = []
    let looks = try await gather { _, store throws(StoreError) in
      try await store.callbacks(dead: dead, of: owner, after: cursor, limit: limit + 1)
    }
    for look in looks {
      found += look.found
      if let end = look.end { ends.append(end) }
    }
    // What follows the end of one partition's look, or lies beside it, is for the next page.
    let end = ends.min(by: precedes)
    if let end { found.removeAll { precedes(end, $0.place) } }
    found.sort { precedes($0.place, $1.place) }
    let page = found.prefix(limit)
    return CallbackPage(callbacks: page.map(\.callback), end: found.count > limit ? page.last?.place : end)
  }

  /// Counts the callbacks of all partitions.
  public func callbackCounts() async throws(StoreError) -> CallbackCounts {
    try await gather { _, store throws(StoreError) in try await store.callbackCounts() }.reduce(CallbackCounts()) {
      $0.joined(with: $1)
    }
  }

  /// Has dead callbacks of all partitions sent again.
  /// - Parameter limit: how many of each partition.
  /// - Returns: how many, and how many are left.
  public func recallDeadCallbacks(limit: Int) async throws(StoreError) -> (count: Int, left: Int) {
    try await gather { _, store throws(StoreError) in try await store.recallDeadCallbacks(limit: limit) }
      .reduce((0, 0)) { ($0.count + $1.count, $0.left + $1.left) }
  }

  /// Has dead callbacks of a name sent again, the newest first.
  /// - Returns: how many, and how many are left.
  public func recallDeadCallbacks(of owner: String, limit: Int) async throws(StoreError) -> (count: Int, left: Int) {
    var (dead, cursor): ([String], CallbackCursor?) = ([], nil)
    repeat {
      let page = try await callbacks(dead: true, of: owner, after: cursor, limit: 500)
      dead += page.callbacks.map(\.id)
      cursor = page.end
    } while cursor != nil
    var count = 0
    for id in dead.prefix(limit) {
      if try await store(ofCallback: id)?.recallCallback(id) == .recalled { count += 1 }
    }
    // Those that are not dead any more, because an earlier request has reached them, are done, too.
    try await waitForReplicas()
    return (count, dead.count - count)
  }
}

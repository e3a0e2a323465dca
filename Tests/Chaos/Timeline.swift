import Synchronization

/// Since when each worker has been able to work without a break, and when Redis was away: what a time limit is counted
/// from.
final class Timeline: Sendable {
  typealias Instant = ContinuousClock.Instant

  private struct State {
    var workers: [String: Instant] = [:]
    var returnsOfRedis: [Instant] = []
    var isRedisAway = false
    /// When Redis was away, or no worker lived, by this host's clock; the last one may last.
    var troubles: [(start: Double, end: Double)] = []

    /// Notes whether there is trouble now.
    mutating func look() {
      let isWell = !isRedisAway && !workers.isEmpty
      let isOpen = troubles.last?.end == .infinity
      if isWell, isOpen { troubles[troubles.count - 1].end = WallClock.now }
      if !isWell, !isOpen { troubles.append((WallClock.now, .infinity)) }
    }
  }

  private let state = Mutex(State())

  /// A worker can work from now on.
  func workerCame(_ part: String) { edit { $0.workers[part] = .now } }

  /// A worker is dead, stopping or paused.
  func workerWent(_ part: String) { edit { $0.workers[part] = nil } }

  /// Redis answers nobody.
  func redisWent() { edit { $0.isRedisAway = true } }

  /// Redis answers again.
  func redisCame() {
    edit {
      $0.isRedisAway = false
      $0.returnsOfRedis.append(.now)
    }
  }

  private func edit(_ body: (inout State) -> Void) {
    state.withLock {
      body(&$0)
      $0.look()
    }
  }

  /// Whether Redis answered and a worker lived from one time to another, by this host's clock, and some seconds before,
  /// in which all find each other again.
  func wasWell(from start: Double, to end: Double) -> Bool {
    state.withLock { !$0.troubles.contains { $0.start <= end && $0.end + 4 >= start } }
  }

  /// Whether Redis answers nobody, or takes no writes.
  var isRedisAway: Bool { state.withLock { $0.isRedisAway } }

  /// From when the time to take over the runs of a worker counts: the latest of its death, one lease after Redis came
  /// back, the start of a live worker. Nil while there is none of these: Redis is away, or no worker lives.
  func start(death: Instant, lease: Duration) -> Instant? {
    state.withLock { state in
      guard !state.isRedisAway, let oldest = state.workers.values.min() else { return nil }
      let redis = state.returnsOfRedis.last.map { $0 + lease } ?? death
      return max(death, oldest, redis)
    }
  }
}

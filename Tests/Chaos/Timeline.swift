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
    /// When a server may have taken itself for the primary that was none any more, and answered; the last one may last.
    var rivals: [(start: Double, end: Double)] = []

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

  /// The primary is out of the others' sight, and may answer although they have another.
  func rivalCame() { state.withLock { $0.rivals.append((WallClock.now, .infinity)) } }

  /// There is one primary again, and all know it.
  func rivalWent() {
    state.withLock { state in
      guard state.rivals.last?.end == .infinity else { return }
      state.rivals[state.rivals.count - 1].end = WallClock.now
    }
  }

  /// Whether an answer between two times may have come from a primary that was none any more.
  func hadRival(from start: Double, to end: Double) -> Bool {
    state.withLock { $0.rivals.contains { $0.start <= end && $0.end >= start } }
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

  /// From when the time to take over the runs of a worker counts: the latest of its death, a grace after Redis came
  /// back, the start of a live worker. Nil while there is none of these: Redis is away, or no worker lives.
  func start(death: Instant, grace: Duration) -> Instant? {
    state.withLock { state in
      guard !state.isRedisAway, let oldest = state.workers.values.min() else { return nil }
      let redis = state.returnsOfRedis.last.map { $0 + grace } ?? death
      return max(death, oldest, redis)
    }
  }
}

import Synchronization

/// Since when each worker has been able to work without a break, and when Redis was away: what a time limit is counted
/// from.
final class Timeline: Sendable {
  typealias Instant = ContinuousClock.Instant

  private struct State {
    var workers: [String: Instant] = [:]
    var returnsOfRedis: [Instant] = []
    var isRedisAway = false
  }

  private let state = Mutex(State())

  /// A worker can work from now on.
  func workerCame(_ part: String) { state.withLock { $0.workers[part] = .now } }

  /// A worker is dead, stopping or paused.
  func workerWent(_ part: String) { state.withLock { $0.workers[part] = nil } }

  /// Redis answers nobody.
  func redisWent() { state.withLock { $0.isRedisAway = true } }

  /// Redis answers again.
  func redisCame() {
    state.withLock {
      $0.isRedisAway = false
      $0.returnsOfRedis.append(.now)
    }
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

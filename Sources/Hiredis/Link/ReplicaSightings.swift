import Synchronization

/// Counts how often the links of this process have found that a server is a replica or not ready, as after a failover.
///
/// A subscription gets no reply that reveals it, so it reconnects when another link has found out.
final class ReplicaSightings: Sendable {
  private static let known = Mutex<[RedisAddress.Endpoint: ReplicaSightings]>([:])

  private let sightings = Atomic(0)

  private init() {}

  /// The counter of an endpoint, shared by all links to it.
  static func of(_ endpoint: RedisAddress.Endpoint) -> ReplicaSightings {
    known.withLock { known in
      let sightings = known[endpoint] ?? ReplicaSightings()
      known[endpoint] = sightings
      return sightings
    }
  }

  /// How many times it was found.
  var count: Int { sightings.load(ordering: .relaxed) }

  /// Counts another time.
  func add() {
    sightings.add(1, ordering: .relaxed)
  }
}

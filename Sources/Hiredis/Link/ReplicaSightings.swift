import Synchronization

/// How often the links of this process have found that the server behind an address does not serve (any more): after a
/// failover it is a replica.
///
/// A connection that only subscribes gets no answer that tells so. It leaves the server when another link has found out.
final class ReplicaSightings: Sendable {
  private static let known = Mutex<[RedisAddress.Endpoint: ReplicaSightings]>([:])

  private let sightings = Atomic(0)

  private init() {}

  /// What is known of an endpoint, shared by all links to it.
  static func of(_ endpoint: RedisAddress.Endpoint) -> ReplicaSightings {
    known.withLock { known in
      let sightings = known[endpoint] ?? ReplicaSightings()
      known[endpoint] = sightings
      return sightings
    }
  }

  /// How many there were.
  var count: Int { sightings.load(ordering: .relaxed) }

  /// Adds one.
  func add() {
    sightings.add(1, ordering: .relaxed)
  }
}

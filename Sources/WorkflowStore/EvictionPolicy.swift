import Hiredis

/// What Redis does when it is full, by its setting `maxmemory-policy`.
public enum EvictionPolicy: Sendable, Equatable {
  /// It refuses writes and keeps all.
  case noEviction
  /// It discards keys.
  case evicts(policy: String)
  /// It does not report its policy.
  case unknown

  /// A policy by its name in redis.conf.
  public init(_ name: String?) {
    self =
      switch name {
      case nil: .unknown
      case "noeviction": .noEviction
      case let name?: .evicts(policy: name)
      }
  }

  /// What may be lost; nil if nothing is known to be.
  public var warning: String? {
    guard case .evicts(let policy) = self else { return nil }
    let victims = policy.hasPrefix("volatile-") ? "ended runs and idempotency keys before their time" : "accepted runs"
    return "maxmemory-policy is \(policy): Redis may discard \(victims)"
  }

  /// What to do about it.
  public static let remedy = "set maxmemory-policy noeviction in redis.conf"
}

extension RunStore {
  /// The id of the database, which is made if there is none.
  func databaseMarker() async throws(StoreError) -> String {
    if let marker = try await send(["GET", keys.database]).string { return marker }
    let made = JobID().description
    return try await send(["SET", keys.database, made, "NX", "GET"]).string ?? made
  }

  /// What Redis does when it is full, by its configuration or else by its `INFO`.
  public func evictionPolicy() async throws(StoreError) -> EvictionPolicy {
    let name = try await configurationRefusal.unlessRefused(on: connection) { () async throws(StoreError) in
      try await send(["CONFIG", "GET", "maxmemory-policy"]).array?.last?.string
    }
    if let name { return EvictionPolicy(name) }
    let facts = try await infoRefusal.unlessRefused(on: connection) { () async throws(StoreError) in
      try await info(["memory"])
    }
    return EvictionPolicy(facts?["maxmemory_policy"])
  }
}

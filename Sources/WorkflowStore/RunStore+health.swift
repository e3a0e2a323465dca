import Hiredis

/// The state of the whole, as the health answer shows it.
public struct StoreHealth: Sendable, Equatable {
  /// Runs that wait for a worker.
  public let queued: Int
  /// Runs in some worker's hand.
  public let started: Int
  /// Workers that have beaten within their lease, and have not said that they stop.
  public let workers: Int
}

/// Which Redis answers, and in which role.
public struct ServerIdentity: Sendable, Equatable {
  /// Redis's `run_id`: another one after every start.
  public let runID: String
  /// Whether it is a primary, which takes writes.
  public let isPrimary: Bool

  /// A server as it describes itself.
  public init(runID: String, isPrimary: Bool) {
    self.runID = runID
    self.isPrimary = isPrimary
  }
}

extension RunStore {
  /// Reads the state of the whole.
  public func health() async throws(StoreError) -> StoreHealth {
    let names = [keys.queue, keys.suspects, keys.leases, keys.workers]
    let reply = try await evaluate(Scripts.health, names, [])
    guard let counts = reply.array?.compactMap(\.int), counts.count == 3 else {
      throw RunStore.damaged(Scripts.health, reply)
    }
    return StoreHealth(queued: counts[0], started: counts[1], workers: counts[2])
  }

  /// Asks Redis who it is.
  public func identity() async throws(StoreError) -> ServerIdentity {
    do {
      let reply = try await connection.send(["INFO", "server", "replication"], timeout: timeout)
      let lines = (reply.string ?? "").split(whereSeparator: \.isNewline)
      func value(_ name: String) -> String? {
        lines.first { $0.hasPrefix(name + ":") }.map { String($0.dropFirst(name.count + 1)) }
      }
      return ServerIdentity(runID: value("run_id") ?? "", isPrimary: value("role") == "master")
    } catch {
      throw StoreError(error)
    }
  }
}

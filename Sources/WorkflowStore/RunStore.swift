public import Hiredis
import Workflow

/// What Redis holds of the runs, and every change to it; each change is one script.
///
/// A store is a thin face of one connection: make as many as there are connections that must not wait for each other.
public final class RunStore: Sendable {
  /// How long things are kept, and how much of them.
  public struct Limits: Sendable, Equatable {
    /// Seconds that a run is kept after its end, and a store after its last append.
    public var retain: Int
    /// Items that a store keeps, the newest.
    public var storeItems: Int
    /// Seconds that an idempotency key is kept.
    public var idempotency = 24 * 60 * 60
    /// Crashes in a row, without a checkpoint between, that end a run.
    public var crashes = 3
    /// Milliseconds after its death that a worker is remembered.
    public var workerMemory = 3_600_000

    /// Limits with the settings' defaults.
    public init(retain: Int = 604_800, storeItems: Int = 10_000) {
      self.retain = retain
      self.storeItems = storeItems
    }
  }

  let connection: RedisConnection
  /// The names of its keys.
  public let keys: Keys
  let limits: Limits
  /// How long a command may take, a reconnect included.
  let timeout: Duration
  /// What Redis's clock shows, as claims and records have told it.
  public let clock: RedisClock
  let steps = TextCache<ClaimedRun.StepList>()
  let infoRefusal = Refusal()
  let configurationRefusal = Refusal()

  /// A store on a connection.
  public init(
    _ connection: RedisConnection, keys: Keys, limits: Limits = Limits(), timeout: Duration = .seconds(5),
    clock: RedisClock = RedisClock()
  ) {
    self.connection = connection
    self.clock = clock
    self.keys = keys
    self.limits = limits
    self.timeout = timeout
  }

  func evaluate(
    _ script: RedisScript, _ names: [String], _ arguments: RedisArguments, within limit: Duration? = nil
  ) async throws(StoreError) -> RedisReply {
    do {
      return try await connection.evaluate(script, keys: names, arguments: arguments, timeout: limit ?? timeout)
    } catch {
      throw StoreError(error)
    }
  }

  static func damaged(_ script: RedisScript, _ reply: RedisReply) -> StoreError {
    .damaged("\(script.name) answered \(String(describing: reply).prefix(200))")
  }
}

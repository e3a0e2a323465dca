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
    /// Replicas that must acknowledge what a failover must not lose, before it counts; 0 for none.
    public var replicas = 0

    /// Limits with the settings' defaults.
    public init(retain: Int = 604_800, storeItems: Int = 10_000) {
      self.retain = retain
      self.storeItems = storeItems
    }
  }

  /// How long replicas may take to acknowledge a write. Meanwhile the connection serves no other caller.
  private static let replicaTime = Duration.seconds(1)

  let connection: RedisConnection
  /// For writes that replicas must acknowledge.
  let writes: RedisConnection
  /// What such a write waits for; nil where nothing is waited for.
  let replicas: ReplicaWait?
  /// The names of its keys.
  public let keys: Keys
  let limits: Limits
  /// How long a command may take, a reconnect included.
  let timeout: Duration
  /// What Redis's clock shows, as learnt from claims and records.
  public let clock: RedisClock
  let steps = TextCache<ClaimedRun.StepList>()
  let infoRefusal = Refusal()
  let configurationRefusal = Refusal()
  /// Whether its server leaves questions without an answer, and submissions.
  let silence: (questions: Silence, submissions: Silence)
  /// The number of its partition, where partitions are on several servers; else nil.
  public let partition: Int?

  /// A store on a connection.
  /// - Parameters:
  ///   - writes: for writes that replicas must acknowledge (`Limits/replicas`), since others on their connection wait
  ///     with them; nil for the same connection.
  ///   - partition: the number of its partition, where partitions are on several servers.
  public convenience init(
    _ connection: RedisConnection, writes: RedisConnection? = nil, keys: Keys, limits: Limits = Limits(),
    timeout: Duration = .seconds(5), clock: RedisClock = RedisClock(), partition: Int? = nil
  ) {
    self.init(
      connection, writes: writes, keys: keys, limits: limits, timeout: timeout, clock: clock, partition: partition,
      silence: (Silence(), Silence()))
  }

  init(
    _ connection: RedisConnection, writes: RedisConnection?, keys: Keys, limits: Limits, timeout: Duration,
    clock: RedisClock, partition: Int?, silence: (questions: Silence, submissions: Silence)
  ) {
    self.silence = silence
    self.partition = partition
    self.connection = connection
    self.writes = writes ?? connection
    replicas =
      limits.replicas > 0
      ? ReplicaWait(for: limits.replicas, within: Self.replicaTime, channel: keys.prefix + "replicas") : nil
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
      throw failure(error)
    }
  }

  /// Runs a script whose effect a failover must not lose, since it is reported to a client: it counts once the replicas
  /// have it that are waited for.
  ///
  /// What moves something from one key to another needs no wait: a failover loses the move as a whole, and it is made
  /// again.
  func evaluateSafely(
    _ script: RedisScript, _ names: [String], _ arguments: RedisArguments
  ) async throws(StoreError) -> RedisReply {
    do {
      return try await writes.evaluate(
        script, keys: names, arguments: arguments, replicas: replicas, timeout: timeout)
    } catch {
      throw failure(error)
    }
  }

  /// The answers to commands whose effect a failover must not lose, as ``evaluateSafely(_:_:_:)`` has it. With no
  /// commands it waits until the replicas have what was written before. The first error is thrown.
  func sendSafely(_ commands: [RedisArguments]) async throws(StoreError) -> [RedisReply] {
    guard let replicas else {
      guard commands.count == 1 else { return commands.isEmpty ? [] : try await send(commands) }
      return [try await send(commands[0])]
    }
    do {
      return try await writes.send(commands, replicas: replicas, timeout: timeout)
    } catch {
      throw failure(error)
    }
  }

  static func damaged(_ script: RedisScript, _ reply: RedisReply) -> StoreError {
    .damaged("\(script.name) answered \(String(describing: reply).prefix(200))")
  }
}

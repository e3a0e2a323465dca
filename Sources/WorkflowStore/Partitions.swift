public import Hiredis
import Workflow

/// All that Redis holds, divided by run: each partition is a store with its own prefix, and each run is in one.
///
/// The prefix of a single partition is that of all keys, `wf:`. Of several, partition k, from 0, has the prefix
/// `wf:{k}:`. Redis Cluster hashes the text in braces alone, so the keys of a partition stay in one slot. Every script
/// works on one partition.
///
/// The number of a run's partition is the FNV-1a hash of its id, 36 characters in lower case, modulo the count. A run
/// with an idempotency key gets an id of the partition that the key's hash names, so that one script finds both.
public struct Partitions: Sendable {
  /// The stores, by the number of their partition.
  public let all: [RunStore]
  /// The names of the keys that the partitions share: their prefix begins that of each partition.
  public let keys: Keys
  /// Whether they are on several servers, as in a Redis Cluster: each of these may be down by itself.
  public let isSpread: Bool
  /// For the keys that the partitions share.
  let connection: RedisConnection

  /// The stores of all partitions, on one connection.
  /// - Parameters:
  ///   - writes: for writes that replicas must acknowledge; nil for the same connection.
  ///   - keys: with the prefix that begins that of each partition.
  ///   - count: how many partitions there are.
  public init(
    _ connection: RedisConnection, writes: RedisConnection? = nil, keys: Keys, count: Int = 1,
    limits: RunStore.Limits = RunStore.Limits(),
    timeout: Duration = .seconds(5), clock: RedisClock = RedisClock()
  ) {
    let isSpread = connection.isCluster && count > 1
    let stores = Self.keys(keys, count: count).enumerated().map { number, keys in
      RunStore(
        connection.routed(to: keys.leases), writes: writes?.routed(to: keys.leases), keys: keys, limits: limits,
        timeout: timeout, clock: clock, partition: isSpread ? number : nil)
    }
    self.init(stores, keys: keys, on: connection, isSpread: isSpread)
  }

  /// A single partition.
  public init(_ store: RunStore) { self.init([store], keys: store.keys, on: store.connection, isSpread: false) }

  /// Stores that were made.
  /// - Parameter connection: for the keys that the partitions share.
  init(_ stores: [RunStore], keys: Keys, on connection: RedisConnection, isSpread: Bool) {
    all = stores
    self.keys = keys
    self.connection = connection
    self.isSpread = isSpread
  }

  /// The names of the keys of each partition.
  /// - Parameter keys: with the prefix that begins that of each partition.
  public static func keys(_ keys: Keys, count: Int) -> [Keys] {
    count == 1 ? [keys] : (0..<count).map { Keys(prefix: "\(keys.prefix){\($0)}:") }
  }

  /// How many partitions there are.
  public var count: Int { all.count }

  /// The store that holds a run.
  public func store(of id: JobID) -> RunStore { all[number(of: id)] }

  /// The number of the partition that holds a run.
  public func number(of id: JobID) -> Int { number(of: id.description) }

  /// The number of the partition that holds an idempotency key.
  public func number(ofIdempotencyKey key: String) -> Int { number(of: key) }

  /// The number of the partition that holds a schedule, and with it the runs that it starts.
  public func number(ofSchedule name: String) -> Int { number(of: name) }

  /// The store that holds a schedule.
  public func store(ofSchedule name: String) -> RunStore { all[number(ofSchedule: name)] }

  /// The id of a new run: that of the request, so that a request which is sent twice is one run, or else a random one.
  /// An id is in the partition of its idempotency key; a request with such a key is one run by its key. Without one it
  /// is in a partition that is not down, as far as that is known.
  public func newID(requestID: String, idempotencyKey key: String?) -> JobID {
    var id = JobID(requestID: requestID) ?? JobID()
    guard count > 1 else { return id }
    guard let key else { return isSpread ? reachable(id) : id }
    let wanted = number(ofIdempotencyKey: key)
    while number(of: id) != wanted { id = JobID() }
    return id
  }

  private func number(of name: String) -> Int { count == 1 ? 0 : Int(Self.hash(name)) % count }

  /// FNV-1a of 32 bits of a text's UTF-8 (Fowler, Noll and Vo: http://www.isthe.com/chongo/tech/comp/fnv/).
  static func hash(_ text: String) -> UInt32 { hash(text.utf8) }

  static func hash(_ bytes: some Sequence<UInt8>) -> UInt32 {
    bytes.reduce(2_166_136_261) { hash, byte in (hash ^ UInt32(byte)) &* 16_777_619 }
  }
}

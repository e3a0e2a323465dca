import ExactJSON
import Hiredis
import LinuxSupport
public import Workflow

/// What a worker is, for as long as it lives.
public struct WorkerFacts: Sendable, Equatable {
  /// The host that it runs on.
  public let host: String
  /// Its process id there.
  public let processID: Int
  /// The version of wf.
  public let version: String
  /// How many runs work at once (`WF_WORKER_RUNS`).
  public let slots: Int

  /// The facts of a worker.
  public init(host: String, processID: Int, version: String, slots: Int) {
    self.host = host
    self.processID = processID
    self.version = version
    self.slots = slots
  }

  /// The facts as JSON text.
  var bytes: [UInt8] {
    let facts: JSONValue = [
      "host": .string(host), "pid": .number(JSONNumber(processID)), "version": .string(version),
      "slots": .number(JSONNumber(slots)),
    ]
    return facts.bytes
  }

  /// Reads what ``bytes`` has written; nil for anything else.
  init?(_ bytes: [UInt8]) {
    guard let facts = try? JSONValue(parsing: bytes).objectValue, let host = facts["host"]?.stringValue,
      let processID = facts["pid"]?.numberValue?.int, let version = facts["version"]?.stringValue,
      let slots = facts["slots"]?.numberValue?.int
    else { return nil }
    self.init(
      host: host.cut(toBytes: 255), processID: processID, version: version.cut(toBytes: 100), slots: slots)
  }
}

/// What a worker does with queued runs.
public enum WorkerState: String, Sendable, Equatable, CaseIterable {
  /// It takes them.
  case working
  /// It takes none, and finishes those that it has.
  case draining
  /// It takes none, and has none.
  case drained
  /// It takes none, and ends when it has finished those that it has.
  case stopping
}

/// A worker that is alive.
public struct LiveWorker: Sendable, Equatable {
  /// What it says of itself.
  public struct Announcement: Sendable, Equatable {
    /// What it is.
    public let facts: WorkerFacts
    /// Since when, by Redis's clock.
    public let since: Timestamp
    /// By what its abilities are found (``RunStore/abilities(_:)``).
    public let abilities: String
    /// Runs that it holds.
    public let runs: Int
    /// What it does with queued runs; `draining` from the request on.
    public let state: WorkerState
  }

  /// Its name.
  public let id: String
  /// What it says of itself; nil of a worker that says nothing, such as one of an older version.
  public let announcement: Announcement?

  /// Whether it is to take no runs.
  public var isDrained: Bool { announcement.map { [.draining, .drained].contains($0.state) } ?? false }
}

extension RunStore {
  /// Bytes of abilities, as JSON text, that a worker announces, and that are read.
  public static let mostAbilityBytes = 512 << 10
  /// Workers of one look at most: as many take Redis a few milliseconds.
  private static let mostWorkers = 1_000

  /// Says what a live worker is and does.
  /// - Parameters:
  ///   - digest: of its abilities, as the last call has returned it; nil at the first.
  ///   - isDraining: whether it takes no runs, as far as it knows.
  ///   - hasMoved: whether that counts more than what is known here: until now it has announced itself elsewhere.
  ///   - uptime: since its start.
  ///   - abilities: what it can do, as JSON text.
  /// - Returns: whether it is to take no runs, and the digest.
  public func announce(
    worker: String, _ facts: WorkerFacts, abilities: [UInt8], digest: String?, runs: Int, state: WorkerState,
    isDraining: Bool, hasMoved: Bool = false, uptime: Duration, lease: Duration
  ) async throws(StoreError) -> (isDraining: Bool, digest: String) {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(Int((lease.milliseconds + 999) / 1_000) + 2)
    arguments.append(runs)
    arguments.append(state.rawValue)
    arguments.append(digest ?? "")
    arguments.append(isDraining ? 1 : 0)
    arguments.append(hasMoved ? 1 : 0)
    var reply = digest == nil ? nil : try await evaluate(Scripts.announce, [keys.worker(worker)], arguments)
    if reply?.isNull ?? true {
      arguments.append(uptime.milliseconds)
      arguments.append(facts.bytes)
      arguments.append(abilities)
      reply = try await evaluate(Scripts.announce, [keys.worker(worker)], arguments)
    }
    guard let reply, let words = reply.array, words.count == 2, let digest = words[1].string else {
      throw Self.damaged(Scripts.announce, reply ?? .null)
    }
    return (words[0].string == "1", digest)
  }

  /// Reads the live workers, and Redis's clock.
  public func liveWorkers() async throws(StoreError) -> (workers: [LiveWorker], now: Timestamp) {
    var found: [LiveWorker] = []
    var known = Set<String>()
    while true {
      let (workers, now) = try await liveWorkers(["\(found.count)", "\(Self.mostWorkers)"])
      // A heartbeat between two looks moves a worker behind the others.
      found += workers.filter { known.insert($0.id).inserted }
      if workers.count < Self.mostWorkers || found.count >= 10 * Self.mostWorkers { return (found, now) }
    }
  }

  /// Reads one live worker, and Redis's clock; nil when there is none of this name.
  public func liveWorker(_ id: String) async throws(StoreError) -> (worker: LiveWorker?, now: Timestamp) {
    let (workers, now) = try await liveWorkers(["0", "1", id])
    return (workers.first, now)
  }

  private func liveWorkers(_ words: [String]) async throws(StoreError) -> ([LiveWorker], Timestamp) {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    for word in words { arguments.append(word) }
    let reply = try await evaluate(Scripts.workers, [keys.workers], arguments)
    guard let parts = reply.array, let now = parts.first?.string.flatMap({ Int($0) }) else {
      throw Self.damaged(Scripts.workers, reply)
    }
    return (parts.dropFirst().compactMap { LiveWorker($0.array ?? []) }, Timestamp(microseconds: now))
  }

  /// Says whether a live worker is to take runs.
  /// - Returns: whether there is such a worker that announces itself.
  public func setDraining(_ isDraining: Bool, worker: String) async throws(StoreError) -> Bool {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(worker)
    arguments.append(isDraining ? 1 : 0)
    let reply = try await evaluateSafely(Scripts.drain, [keys.worker(worker), keys.workers], arguments)
    guard let found = reply.int else { throw Self.damaged(Scripts.drain, reply) }
    return found == 1
  }

  /// Takes a worker that takes no runs out of those that are woken for one.
  public func withdraw(worker: String) async throws(StoreError) {
    for (command, key) in [("ZREM", keys.idle), ("HDEL", keys.serves)] {
      var arguments = RedisArguments()
      for word in [command, key, worker] { arguments.append(word) }
      _ = try await send(arguments)
    }
  }

  /// Reads what workers announce under a digest; nil when it is gone.
  /// - Returns: the JSON text; of one that is too large the beginning, and a byte more than may be.
  public func abilities(_ digest: String) async throws(StoreError) -> [UInt8]? {
    var arguments: RedisArguments = ["GETRANGE"]
    for word in [keys.abilities(digest), "0", "\(Self.mostAbilityBytes)"] { arguments.append(word) }
    let bytes = try await send(arguments).bytesValue ?? []
    return bytes.isEmpty ? nil : bytes
  }
}

extension LiveWorker {
  /// Reads what workers.lua returns of a worker; nil when it is something else.
  fileprivate init?(_ words: [RedisReply]) {
    guard let id = words.first?.string else { return nil }
    self.id = id
    guard words.count == 7, let facts = words[1].bytesValue.flatMap({ WorkerFacts($0) }),
      let abilities = words[2].string, let since = words[3].bytesValue.flatMap({ Timestamp($0[...]) }),
      let runs = words[4].string.flatMap({ Int($0) }),
      let state = words[5].string.flatMap({ WorkerState(rawValue: $0) })
    else {
      announcement = nil
      return
    }
    let isAsked = words[6].string == "1" && state == .working
    announcement = Announcement(
      facts: facts, since: since, abilities: abilities, runs: runs,
      state: isAsked ? .draining : state)
  }
}

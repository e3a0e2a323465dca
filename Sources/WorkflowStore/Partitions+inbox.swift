import ExactJSON
import Hiredis
import Workflow

/// An entry as it lies in the inbox.
public struct InboxEntry: Sendable {
  /// By what it is known again.
  public let digest: [UInt8]
  /// How many bytes it has.
  public let size: Int
  /// Its bytes; of one that is too large the first 1,000.
  public let bytes: [UInt8]
  /// When it was found to name operations of other workers, in Redis's milliseconds since 1970; nil in the inbox.
  public let waitingSince: Int?
}

/// What becomes of an entry.
public enum InboxVerdict: Sendable {
  /// It is good: a run is accepted.
  case run(Submission)
  /// A job with this id fails at once.
  case failed(JobID, runName: String, reason: String, callback: String? = nil)
  /// It cannot become a job; it is kept in the list of refused entries, with the reason.
  case refused(String)
  /// Another worker may have its operations.
  case waits
}

/// What became of an entry.
public enum InboxOutcome: Sendable, Equatable {
  /// It is a run, a failed job, a refused entry, or waits.
  case run, failed, refused, waits
  /// A job with its id was there; the entry is removed.
  case known
  /// Another worker has taken it.
  case gone
  /// It is in the list of its partition.
  case moved
  /// It stays where it is: its partition is down.
  case stays
  /// It stays where it is: a key has a type that wf did not give it.
  case held(String)
}

/// The state of the inbox for operators.
public struct InboxState: Sendable, Equatable {
  /// Entries that no worker has taken yet.
  public var entries = 0
  /// Entries that were refused.
  public var refused = 0
  /// The lists where these are kept.
  public var refusedLists: [String] = []
  /// What keeps workers from the list, if anything.
  public var fault: String?

  func joined(with other: InboxState) -> InboxState {
    InboxState(
      entries: entries + other.entries, refused: refused + other.refused,
      refusedLists: refusedLists + other.refusedLists, fault: fault ?? other.fault)
  }
}

/// Where entries lie.
public enum InboxList: Sendable {
  /// The public list.
  case inbox
  /// Those that name operations which a worker lacks.
  case waiting
}

/// The inbox: the public list by which clients submit runs without HTTP. It is one list for all partitions.
///
/// Where these are on several servers, each has a list as well: a worker moves the entries of the public one there, and
/// each list is read as that of a single partition.
extension Partitions {
  /// Entries of one look at most: as many take Redis a few milliseconds.
  static let inboxBatch = 50
  /// Refused entries that are kept.
  static let mostRefusedEntries = 1_000
  /// Bytes of a refused entry that are kept.
  static let mostRefusedBytes = 16 << 10

  private func key(_ list: InboxList) -> String { list == .inbox ? keys.inbox : keys.inboxWaiting }

  /// The store on the server of a key that the partitions share.
  func shared(_ key: String) -> RunStore {
    guard isSpread else { return all[0] }
    return RunStore(connection.routed(to: key), keys: keys, limits: all[0].limits, timeout: all[0].timeout)
  }

  /// Whether there are entries in either list: one cheap command.
  public func hasInboxEntries() async throws(StoreError) -> Bool {
    var command: RedisArguments = ["EXISTS"]
    command.append(keys.inbox)
    if !isSpread { command.append(keys.inboxWaiting) }
    return (try await shared(keys.inbox).send(command).int ?? 0) > 0
  }

  /// Reads the first entries of a list.
  /// - Parameters:
  ///   - worker: the inbox is read by one worker at a time; the others get no entries.
  ///   - offset: how many entries are left out.
  ///   - limit: bytes of the largest entry that is returned whole.
  /// - Returns: the entries, and Redis's clock in milliseconds.
  public func readInbox(
    _ list: InboxList, as worker: String, from offset: Int = 0, limit: Int
  ) async throws(StoreError) -> (entries: [InboxEntry], now: Int) {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(limit)
    arguments.append(list == .inbox ? worker : "")
    arguments.append(offset)
    arguments.append(Self.inboxBatch)
    arguments.append(RunDocuments.mostPerCall)
    let turn = isSpread ? keys.inboxForwardingTurn : keys.inboxTurn
    let reply = try await shared(keys.inbox).evaluate(Scripts.inbox, [key(list), turn], arguments)
    guard let parts = reply.array, let now = parts.first?.int else { throw RunStore.damaged(Scripts.inbox, reply) }
    let entries = parts.dropFirst().compactMap { InboxEntry($0, in: list) }
    guard entries.count == parts.count - 1 else { throw RunStore.damaged(Scripts.inbox, reply) }
    return (entries, now)
  }

  /// Takes entries out of a list; each becomes what its verdict says in the same script. Safe to send twice.
  /// - Parameters:
  ///   - offset: the position of the first of them.
  ///   - pastStart: the error of a run whose start lies in the past; without characters that JSON escapes.
  public func takeFromInbox(
    _ list: InboxList, _ entries: [(entry: InboxEntry, verdict: InboxVerdict)], from offset: Int = 0,
    pastStart: String
  ) async throws(StoreError) -> [InboxOutcome] {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(all[0].limits.retain)
    arguments.append(Self.mostRefusedEntries)
    arguments.append(pastStart)
    arguments.append(offset)
    for (entry, verdict) in entries {
      arguments.append(entry.digest)
      for word in words(of: verdict, entry) { arguments.append(word) }
    }
    CommitPoint.beforeTake.pass()
    let reply = try await all[0].evaluate(
      Scripts.take, [key(list), keys.inboxWaiting, keys.inboxRefused], arguments)
    CommitPoint.afterTake.pass()
    guard let outcomes = reply.array, outcomes.count == entries.count else {
      throw RunStore.damaged(Scripts.take, reply)
    }
    return outcomes.map { InboxOutcome($0.string ?? "") }
  }

  /// The seven words of take.lua that say what becomes of an entry.
  private func words(of verdict: InboxVerdict, _ entry: InboxEntry) -> [[UInt8]] {
    func words(_ texts: String...) -> [[UInt8]] { texts.map { Array($0.utf8) } }
    let none: [UInt8] = []
    switch verdict {
    case .run(let run):
      let options = run.options.isEmpty ? none : Array(run.options.lines.utf8)
      let needs = RunClasses.text(of: run.requirements)
      return words("run", store(of: run.id).keys.prefix, needs) + run.words(asClass: 1) + [options]
    case .failed(let id, let name, let reason, let callback):
      let start = store(of: id).keys.prefix
      return words("fail", start, id.description, name, reason) + [
        JSONValue.string(reason).bytes, Array((callback ?? "").utf8),
      ]
    case .refused(let reason): return words("refuse", "") + [entry.members(reason), none, none, none, none]
    case .waits: return words("wait", "", "", "", "", "", "")
    }
  }

  /// The state of the inbox for operators.
  public func inboxState() async throws(StoreError) -> InboxState {
    guard isSpread else { return try await all[0].inboxState(of: keys) }
    let own = try await gather { _, store throws(StoreError) in try await store.inboxState() }
    return own.reduce(try await sharedInboxState()) { $0.joined(with: $1) }
  }

  /// The state of the public list where the partitions are on several servers.
  func sharedInboxState() async throws(StoreError) -> InboxState {
    let (entries, fault) = try await shared(keys.inbox).length(keys.inbox)
    return InboxState(entries: entries, fault: fault)
  }
}

extension RunStore {
  /// The state of the lists under a prefix; that of this store unless given.
  func inboxState(of names: Keys? = nil) async throws(StoreError) -> InboxState {
    let keys = names ?? keys
    let (entries, fault) = try await length(keys.inbox)
    let (refused, otherFault) = try await length(keys.inboxRefused)
    return InboxState(
      entries: entries, refused: refused, refusedLists: refused > 0 ? [keys.inboxRefused] : [],
      fault: fault ?? otherFault)
  }

  fileprivate func length(_ key: String) async throws(StoreError) -> (Int, fault: String?) {
    var command: RedisArguments = ["LLEN"]
    command.append(key)
    do {
      return (try await send(command).int ?? 0, nil)
    } catch .damaged {
      return (0, "\(key) is no list, so no entry of the inbox is taken: delete it, or rename it")
    }
  }
}

extension InboxEntry {
  /// What the list of refused entries says of it, without the time and the braces around it.
  func members(_ reason: String) -> [UInt8] {
    let text = String(decoding: bytes.prefix(Partitions.mostRefusedBytes), as: UTF8.self)
    let object: JSONValue = ["reason": .string(reason), "bytes": .number(JSONNumber(size)), "entry": .string(text)]
    return Array(object.bytes.dropFirst().dropLast())
  }

  /// Reads what inbox.lua returns of an entry; nil when it is something else.
  fileprivate init?(_ reply: RedisReply, in list: InboxList) {
    guard let words = reply.array, words.count == 3, let digest = words[0].bytesValue, let size = words[1].int,
      let bytes = words[2].bytesValue
    else { return nil }
    self.digest = digest
    self.size = size
    guard list == .waiting else {
      self.bytes = bytes
      waitingSince = nil
      return
    }
    let blank = bytes.firstIndex(of: UInt8(ascii: " ")) ?? bytes.startIndex
    // What wf did not write there waits forever.
    waitingSince = Int(String(decoding: bytes[..<blank], as: UTF8.self)) ?? 0
    self.bytes = Array(bytes[blank...].dropFirst())
  }
}

extension InboxOutcome {
  init(_ word: String) {
    switch word {
    case "run": self = .run
    case "failed": self = .failed
    case "refused": self = .refused
    case "waits": self = .waits
    case "known": self = .known
    case "gone": self = .gone
    case "moved": self = .moved
    case "stays": self = .stays
    default: self = .held(word)
    }
  }
}

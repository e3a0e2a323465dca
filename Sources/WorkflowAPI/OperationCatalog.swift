import ExactJSON
import LinuxSupport
import Logging
import Synchronization
import Workflow
import WorkflowStore

/// The operations that steps may name: the API's own, and those that live workers announce.
///
/// What is known is a few seconds old. Callers that need newer data call `look()`; such looks share one another's
/// result, and are so rare that a flood of unknown names costs Redis next to nothing.
final class OperationCatalog: Sendable {
  /// What a look has found.
  struct Snapshot: Sendable {
    /// The workers that are alive.
    let workers: [LiveWorker]
    /// Redis's clock.
    let now: Timestamp
    /// What they announce, by digest; what cannot be read is not there.
    let abilities: [String: WorkerAbilities]
    /// Whether live workers may have operations that are not here: where partitions are on several servers, workers
    /// announce themselves to another partition once the one before is down, each as it learns of that.
    let isIncomplete: Bool
  }

  private struct State {
    var reader: DefinitionReader
    /// Grows with each change of the reader.
    var version = 0
    /// The digests that the reader knows.
    var digests: Set<String> = []
    var abilities: [String: WorkerAbilities] = [:]
    /// Digests whose text cannot be read; each is logged once.
    var unreadable: Set<String> = []
    /// The look that is under way, and one that has not begun yet.
    var running: Task<Result<Snapshot, StoreError>, Never>?
    var pending: Task<Result<Snapshot, StoreError>, Never>?
    /// When the next look may begin.
    var next = ContinuousClock.now
  }

  private static let period = Duration.seconds(3)
  /// Different announcements that are read: workers of one version and with the same settings have the same.
  private static let mostAnnouncements = 32
  /// Different schemas of one operation besides the API's own.
  private static let mostSchemas = 3

  private let partitions: Partitions
  private let logger: Logger
  private let outages: OutageLog
  private let state: Mutex<State>

  init(_ own: DefinitionReader, partitions: Partitions, logger: Logger) {
    self.partitions = partitions
    self.logger = logger
    outages = OutageLog("the look at the operations of workers", logger: logger)
    state = Mutex(State(reader: own))
  }

  /// Reads bodies with all operations that are known now.
  var reader: DefinitionReader { state.withLock { $0.reader } }

  /// The reader, and a number that is another one after each change.
  var current: (reader: DefinitionReader, version: Int) { state.withLock { ($0.reader, $0.version) } }

  /// What workers announce, by digest, as far as it is known now.
  var abilities: [String: WorkerAbilities] { state.withLock { $0.abilities } }

  /// Looks every few seconds until its task is cancelled.
  func run() async {
    while !Task.isCancelled {
      do throws(StoreError) {
        _ = try await look()
        outages.noteSuccess()
      } catch {
        outages.note(error)
      }
      try? await Task.sleep(for: Self.period)
    }
  }

  /// Looks which workers are alive, from now on.
  @discardableResult
  func look() async throws(StoreError) -> Snapshot {
    let task = state.withLock { state in
      if let pending = state.pending { return pending }
      let (last, start) = (state.running, state.next)
      let task = Task { [self] in
        _ = await last?.value
        try? await ContinuousClock().sleep(until: start)
        begin()
        // Schemas may be long: too long for the thread of a connection.
        return await withTaskExecutorPreference(globalConcurrentExecutor) { await lookNow() }
      }
      state.pending = task
      return task
    }
    return try await task.value.get()
  }

  /// Begins the pending look: later callers need another one.
  private func begin() {
    state.withLock { state in
      state.running = state.pending
      state.pending = nil
    }
  }

  private func lookNow() async -> Result<Snapshot, StoreError> {
    let start = ContinuousClock.now
    do throws(StoreError) {
      let (workers, now) = try await partitions.home.liveWorkers()
      let abilities = try await read(Self.digests(of: workers))
      let isIncomplete = partitions.isSpread && workers.contains { $0.announcement == nil }
      note(isIncomplete ? state.withLock { $0.abilities }.merging(abilities) { $1 } : abilities, workers)
      // A twentieth of the time at most.
      allowNext(after: max(.milliseconds(10), min((ContinuousClock.now - start) * 20, .seconds(1))))
      return .success(Snapshot(workers: workers, now: now, abilities: abilities, isIncomplete: isIncomplete))
    } catch {
      allowNext(after: .milliseconds(100))
      return .failure(error)
    }
  }

  private func allowNext(after pause: Duration) { state.withLock { $0.next = .now + pause } }

  /// The digests of what workers announce, those of many workers first.
  private static func digests(of workers: [LiveWorker]) -> [String] {
    var counts: [String: Int] = [:]
    for worker in workers {
      if let digest = worker.announcement?.abilities { counts[digest, default: 0] += 1 }
    }
    return counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { $0.key }
  }

  /// Reads what is announced under digests, as far as it is not known.
  private func read(_ digests: [String]) async throws(StoreError) -> [String: WorkerAbilities] {
    if digests.count > Self.mostAnnouncements {
      noteOnce(
        "count", "workers announce \(digests.count) different lists of operations; \(Self.mostAnnouncements) are read")
    }
    var found: [String: WorkerAbilities] = [:]
    for digest in digests.prefix(Self.mostAnnouncements) {
      let (known, isUnreadable) = state.withLock { ($0.abilities[digest], $0.unreadable.contains(digest)) }
      if isUnreadable { continue }
      if let known {
        found[digest] = known
        continue
      }
      guard let bytes = try await text(of: digest) else { continue }
      found[digest] = parse(bytes, digest)
    }
    return found
  }

  private func text(of digest: String) async throws(StoreError) -> [UInt8]? {
    do {
      return try await partitions.home.abilities(digest)
    } catch .damaged(let what) {
      noteOnce(digest, "the operations that workers announce as \(digest.cut(toBytes: 100)) cannot be read: \(what)")
      return nil
    }
  }

  private func parse(_ bytes: [UInt8], _ digest: String) -> WorkerAbilities? {
    let shown = digest.cut(toBytes: 100)
    guard bytes.count <= RunStore.mostAbilityBytes else {
      noteOnce(digest, "the operations that workers announce as \(shown) are ignored: they are longer than may be")
      return nil
    }
    var unreadable: [String] = []
    guard let abilities = WorkerAbilities(bytes, unreadable: &unreadable) else {
      noteOnce(digest, "the operations that workers announce as \(shown) are ignored: they are no such list")
      return nil
    }
    if !unreadable.isEmpty {
      let names = unreadable.prefix(10).joined(separator: ", ")
      logger.warning(
        "of the operations that workers announce as \(shown) these cannot be read and are ignored: \(names)")
    }
    return abilities
  }

  private func noteOnce(_ digest: String, _ sentence: String) {
    let isNew = state.withLock { state in
      if state.unreadable.count > 1_000 { state.unreadable = [] }
      return state.unreadable.insert(digest).inserted
    }
    if isNew { logger.warning("\(sentence)") }
  }

  /// Makes a reader of what is announced now, if that is something else than before.
  private func note(_ abilities: [String: WorkerAbilities], _ workers: [LiveWorker]) {
    let (own, known) = state.withLock { ($0.reader.ownOperations, $0.digests) }
    guard known != Set(abilities.keys) else { return }
    let digests = Self.digests(of: workers)
    let order = digests + abilities.keys.filter { !digests.contains($0) }.sorted()
    let others = Self.others(own, in: order.compactMap { abilities[$0] })
    state.withLock { state in
      state.reader = state.reader.adding(others)
      state.version += 1
      state.digests = Set(abilities.keys)
      state.abilities = abilities
    }
  }

  /// What is announced and is not the API's own.
  static func others(
    _ own: [String: ParameterSchema], in announced: [WorkerAbilities]
  ) -> [String: [ParameterSchema]] {
    var others: [String: [ParameterSchema]] = [:]
    for (name, schema) in announced.flatMap(\.operations) {
      guard own[name].map({ !$0.isAnnounced(as: schema) }) ?? true,
        others[name, default: []].allSatisfy({ $0 != schema }), others[name, default: []].count < mostSchemas
      else { continue }
      others[name, default: []].append(schema)
    }
    return others
  }
}

extension ParameterSchema {
  /// Whether another one is this one as workers announce it: without checks that only a program can make.
  func isAnnounced(as other: ParameterSchema) -> Bool { ParameterSchema(announcement: announcement) == other }
}

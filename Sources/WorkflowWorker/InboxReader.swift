import Logging
import Workflow
import WorkflowStore

/// Takes runs out of the inbox, the public list that clients push to. Every worker has a reader; one at a time reads
/// the inbox, so that its entries become runs in their order.
struct InboxReader: Sendable {
  private let partitions: Partitions
  private let entries: InboxEntryReader
  private let worker: String
  private let logger: Logger
  private let outages: OutageLog
  /// Whether a run belongs to these partitions: the list of one partition is not for runs of others.
  var isOwn: @Sendable (JobID) -> Bool = { _ in true }

  /// - Parameter outages: is notified when Redis does not answer.
  init(
    partitions: Partitions, entries: InboxEntryReader, worker: String, outages: OutageLog, logger: Logger
  ) {
    self.partitions = partitions
    self.entries = entries
    self.worker = worker
    self.logger = logger
    self.outages = outages
  }

  private static let period = Duration.seconds(1)
  /// Milliseconds that an entry waits for a worker that has its operations: each looks once a second.
  static let patience = 10_000
  private static let strange = "its job_id belongs to another partition; entries are pushed to the inbox without {…}"
  /// Batches of one list before the other one has its turn.
  private static let mostBatches = 50

  /// Looks once a second until its task is cancelled, and without a pause while there are entries.
  func run() async {
    while !Task.isCancelled {
      var isEmpty = true
      do {
        isEmpty = try await turn()
        outages.noteSuccess(in: partitions.all[0])
      } catch {
        outages.note(error, in: partitions.all[0])
      }
      if isEmpty { try? await Task.sleep(for: Self.period) }
    }
  }

  /// Takes what is there.
  /// - Returns: whether there is nothing more to take.
  func turn() async throws(StoreError) -> Bool {
    guard try await partitions.hasInboxEntries() else { return true }
    let isEmpty = try await take(from: .inbox)
    _ = try await take(from: .waiting)
    return isEmpty
  }

  /// Takes entries batch by batch.
  /// - Returns: whether there are no more.
  /// - Throws: also when entries must stay because of a key of a wrong type; those behind them are taken all the same.
  private func take(from list: InboxList) async throws(StoreError) -> Bool {
    var offset = 0
    var trouble: String?
    for _ in 0..<Self.mostBatches where !Task.isCancelled {
      let outcomes = try await takeBatch(list, from: offset)
      var staying = 0
      for outcome in outcomes {
        if case .held(let sentence) = outcome { trouble = trouble ?? sentence }
        if outcome.stays(in: list) { staying += 1 }
      }
      offset += staying
      // All gone: another worker is taking them.
      if outcomes.allSatisfy({ $0 == .gone }) {
        if let trouble { throw .damaged("WRONGTYPE \(trouble)") }
        return true
      }
    }
    if let trouble { throw .damaged("WRONGTYPE \(trouble)") }
    return false
  }

  private func takeBatch(_ list: InboxList, from offset: Int) async throws(StoreError) -> [InboxOutcome] {
    // Since when an entry waits is before it.
    let limit = entries.maxEntryBytes + (list == .waiting ? 32 : 0)
    let (found, now) = try await partitions.readInbox(list, as: worker, from: offset, limit: limit)
    if found.isEmpty { return [] }
    let batch = found.map { ($0, verdict(on: $0, now: now)) }
    let outcomes = try await partitions.takeFromInbox(
      list, batch, from: offset, pastStart: InboxEntryReader.pastStart)
    log(batch, outcomes)
    return outcomes
  }

  private func verdict(on entry: InboxEntry, now: Int) -> InboxVerdict {
    switch entries.read(entry) {
    case .run(let submission) where !isOwn(submission.id): return .refused(Self.strange)
    case .faulty(let id, _, _, _, _) where !isOwn(id): return .refused(Self.strange)
    case .run(let submission): return .run(submission)
    case .refused(let reason): return .refused(reason)
    case .faulty(let id, let name, let reason, let callback, let lacksOperations):
      let age = entry.waitingSince.map { now - $0 } ?? 0
      // A clock that has gone back must not make it wait longer.
      if lacksOperations, (0..<Self.patience).contains(age) { return .waits }
      return .failed(id, runName: name, reason: reason, callback: callback)
    }
  }

  /// A line for each failed job, and one for all refused entries of a batch.
  private func log(_ batch: [(entry: InboxEntry, verdict: InboxVerdict)], _ outcomes: [InboxOutcome]) {
    var reasons: [String] = []
    for ((_, verdict), outcome) in zip(batch, outcomes) {
      switch (verdict, outcome) {
      case (.failed(let id, _, let reason, _), .failed):
        logger.info("an entry of the inbox failed: \(reason)", metadata: ["job": "\(id)"])
      case (.run(let submission), .failed):
        logger.info(
          "an entry of the inbox failed: \(InboxEntryReader.pastStart)", metadata: ["job": "\(submission.id)"])
      case (.refused(let reason), .refused): reasons.append(reason)
      default: break
      }
    }
    guard let first = reasons.first else { return }
    let list = partitions.keys.prefix + "inbox:refused"
    logger.warning("\(reasons.count) entries of the inbox are refused and are now in \(list); the first: \(first)")
  }
}

extension InboxOutcome {
  /// Whether the entry is still where it was.
  fileprivate func stays(in list: InboxList) -> Bool {
    switch self {
    case .held: true
    case .waits: list == .waiting
    case .stays: true
    case .run, .failed, .refused, .known, .gone, .moved: false
    }
  }
}

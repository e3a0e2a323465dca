import Logging
import Workflow
import WorkflowStore

/// Moves entries of the public inbox to the lists of their partitions, where these are on several servers. Every worker
/// has a forwarder; one at a time works, so that the entries of a partition stay in their order.
struct InboxForwarder: Sendable {
  private let partitions: Partitions
  private let entries: InboxEntryReader
  private let worker: String
  private let outages: OutageLog
  private let moves: OutageLog

  private static let period = Duration.seconds(1)
  /// Batches of one turn: beyond them nothing is moved while that many entries wait for partitions that are down.
  private static let mostBatches = 50

  init(partitions: Partitions, entries: InboxEntryReader, worker: String, logger: Logger) {
    self.partitions = partitions
    self.entries = entries
    self.worker = worker
    outages = OutageLog("the look into the inbox of all partitions", logger: logger)
    moves = OutageLog("the move of entries from the inbox to their partition", logger: logger)
  }

  /// Looks once a second until its task is cancelled, and without a pause while there are entries.
  func run() async {
    while !Task.isCancelled {
      var isEmpty = true
      do throws(StoreError) {
        isEmpty = try await turn()
        outages.noteSuccess()
      } catch {
        outages.note(error)
      }
      if isEmpty { try? await Task.sleep(for: Self.period) }
    }
  }

  /// Moves what is there.
  /// - Returns: whether there is nothing more that can be moved now.
  func turn() async throws(StoreError) -> Bool {
    guard try await partitions.hasInboxEntries() else { return true }
    var offset = 0
    for _ in 0..<Self.mostBatches where !Task.isCancelled {
      let (found, now) = try await partitions.readInbox(
        .inbox, as: worker, from: offset, limit: entries.maxEntryBytes)
      if found.isEmpty { return true }
      let outcomes = try await partitions.forward(found.map { ($0, route(of: $0)) }, from: offset, now: now) {
        store, error in
        if let error { moves.note(error, in: store) } else { moves.noteSuccess(in: store) }
      }
      // All gone: another worker is moving them.
      if outcomes.allSatisfy({ $0 == .gone }) { return true }
      offset += outcomes.count { $0 == .stays }
    }
    return offset > 0
  }

  /// An entry without an id goes where all workers agree that it does, and is refused there.
  private func route(of entry: InboxEntry) -> InboxRoute {
    if let reason = entries.excess(of: entry) { return .refused(reason) }
    return .partition(entries.id(of: entry).map { partitions.number(of: $0) } ?? partitions.number(of: entry))
  }
}

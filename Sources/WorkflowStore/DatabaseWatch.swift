public import Logging
import Synchronization

/// Checks every two seconds whether Redis has lost runs, or may lose them, and reports it in the log and in health.
///
/// Redis says nothing when its database is emptied or another one takes its place. A random id under a key of wf's own
/// tells: once this process has seen it, it is there for as long as the runs are.
public final class DatabaseWatch: Sendable {
  private struct State {
    var marker: String?
    var wasEmptied = false
    var policy = EvictionPolicy.unknown
    var mismatch: PartitionMismatch?
  }

  private static let period = Duration.seconds(2)
  private static let emptied =
    "Redis was emptied or replaced while this process ran, or has evicted wf's marker: runs that were accepted before "
    + "may be gone"

  private let partitions: Partitions
  private let logger: Logger
  private let outages: OutageLog
  private let state = Mutex(State())

  /// A watch that looks once ``run()`` is called.
  public init(_ partitions: Partitions, logger: Logger) {
    self.partitions = partitions
    self.logger = logger
    outages = OutageLog("the watch for lost runs", logger: logger)
  }

  /// What an operator should know, a sentence each.
  public var warnings: [String] {
    state.withLock { state in
      let emptied = state.wasEmptied ? DatabaseWatch.emptied : nil
      return [emptied, state.policy.warning, state.mismatch.map { "\($0)" }].compactMap(\.self)
    }
  }

  /// Checks until its task is cancelled.
  public func run() async {
    while !Task.isCancelled {
      do throws(StoreError) {
        let policy = try await partitions.all[0].evictionPolicy()
        let mismatch = try await partitions.mismatch()
        note(mismatch)
        if mismatch == nil { note(try await partitions.all[0].databaseMarker(), policy) }
      } catch {
        outages.note(error)
      }
      try? await Task.sleep(for: DatabaseWatch.period)
    }
  }

  /// Notes whether the database has been replaced by one of another number of partitions.
  private func note(_ mismatch: PartitionMismatch?) {
    let isNew = state.withLock { state in
      defer { state.mismatch = mismatch }
      return mismatch != nil && mismatch != state.mismatch
    }
    if isNew, let mismatch { logger.error("\(mismatch); \(mismatch.remedy)") }
  }

  private func note(_ marker: String, _ policy: EvictionPolicy) {
    let before = state.withLock { state in
      let before = state
      state.wasEmptied = before.wasEmptied || (before.marker != nil && before.marker != marker)
      state.marker = marker
      state.policy = policy
      return before
    }
    outages.noteSuccess()
    if before.marker != nil, before.marker != marker { logger.error("\(DatabaseWatch.emptied)") }
    if policy != before.policy, let warning = policy.warning { logger.warning("\(warning); \(EvictionPolicy.remedy)") }
  }
}

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
  }

  private static let period = Duration.seconds(2)
  private static let emptied =
    "Redis was emptied or replaced while this process ran, or has evicted wf's marker: runs that were accepted before "
    + "may be gone"

  private let store: RunStore
  private let logger: Logger
  private let outages: OutageLog
  private let state = Mutex(State())

  /// A watch that looks once ``run()`` is called.
  public init(_ store: RunStore, logger: Logger) {
    self.store = store
    self.logger = logger
    outages = OutageLog("the watch for lost runs", logger: logger)
  }

  /// What an operator should know, a sentence each.
  public var warnings: [String] {
    state.withLock { ($0.wasEmptied ? [DatabaseWatch.emptied] : []) + ($0.policy.warning.map { [$0] } ?? []) }
  }

  /// Checks until its task is cancelled.
  public func run() async {
    while !Task.isCancelled {
      do throws(StoreError) {
        let policy = try await store.evictionPolicy()
        let marker = try await store.databaseMarker()
        note(marker, policy)
      } catch {
        outages.note(error)
      }
      try? await Task.sleep(for: DatabaseWatch.period)
    }
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

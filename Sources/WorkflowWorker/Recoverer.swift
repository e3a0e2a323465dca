import Logging
import WorkflowStore

/// Takes the runs of dead workers and puts them back into the queue, and looks through all jobs, a part at a time, for
/// runs that nobody would take; every worker has one.
struct Recoverer: Sendable {
  let store: RunStore
  let lease: Duration
  let logger: Logger

  /// How often it looks.
  static let period = Duration.seconds(1)

  /// Looks until its task is cancelled.
  func run() async {
    var watch = RecoveryWatch(lease: lease)
    var cursor: String?
    while !Task.isCancelled {
      let identity = try? await store.identity()
      if watch.observe(identity, at: .now) {
        await recover()
        await reconcile(from: &cursor)
      }
      try? await Task.sleep(for: Recoverer.period)
    }
  }

  private func reconcile(from cursor: inout String?) async {
    do {
      let found = try await store.reconcile(from: cursor, lease: lease)
      cursor = found.cursor
      for (id, what) in found.repaired {
        logger.warning("a run was \(what); it is repaired", metadata: ["job": "\(id)"])
      }
    } catch {
      logger.warning("the jobs cannot be looked through: \(error)")
    }
  }

  private func recover() async {
    do {
      for (id, recovery) in try await store.recover() {
        logger.warning("a lapsed lease: \(recovery.rawValue)", metadata: ["job": "\(id)"])
      }
    } catch {
      logger.warning("lapsed leases cannot be read: \(error)")
    }
  }
}

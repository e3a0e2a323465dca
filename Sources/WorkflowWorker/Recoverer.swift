import Logging
import WorkflowStore

/// Takes the runs of dead workers and puts them back into the queue, and looks through all jobs, a part at a time, for
/// runs that nobody would take; every worker has one.
struct Recoverer: Sendable {
  let store: RunStore
  let lease: Duration
  let logger: Logger

  /// How often it looks.
  private var period: Duration { min(.seconds(1), lease / 3) }

  /// How far apart two turns may be carried out. A living worker's lease has two thirds of its time left when a
  /// heartbeat is due; if writes stood still for less than this, no lease of the living has lapsed.
  private var gap: Duration { lease * 3 / 5 }

  /// Looks until its task is cancelled.
  func run() async {
    var watch = RecoveryWatch(lease: lease)
    var cursor: String?
    var clock: String?
    while !Task.isCancelled {
      let identity = try? await store.identity()
      if watch.observe(identity, at: .now) {
        await recover(after: &clock)
        await reconcile(from: &cursor)
      }
      try? await Task.sleep(for: period)
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

  private func recover(after clock: inout String?) async {
    do {
      let turn = try await store.recover(after: clock, within: gap)
      clock = turn.clock
      for (id, recovery) in turn.runs {
        logger.warning("a lapsed lease: \(recovery.rawValue)", metadata: ["job": "\(id)"])
      }
    } catch {
      logger.warning("lapsed leases cannot be read: \(error)")
    }
  }
}

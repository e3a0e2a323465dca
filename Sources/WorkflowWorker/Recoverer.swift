import Logging
import WorkflowStore

/// Takes the runs of dead workers and puts them back into the queue; every worker has one.
struct Recoverer: Sendable {
  let store: RunStore
  let lease: Duration
  let logger: Logger

  /// How often it looks.
  static let period = Duration.seconds(1)

  /// Looks until its task is cancelled.
  func run() async {
    var watch = RecoveryWatch(lease: lease)
    while !Task.isCancelled {
      let identity = try? await store.identity()
      if watch.observe(identity, at: .now) { await recover() }
      try? await Task.sleep(for: Recoverer.period)
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

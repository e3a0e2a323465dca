import Logging
import WorkflowStore

/// Returns the runs of dead workers to the queue, and checks the live runs, some at a time, for runs that no worker
/// would claim. Every worker has a recoverer.
struct Recoverer: Sendable {
  private let store: RunStore
  private let worker: String
  private let lease: Duration
  private let outages: OutageLog
  private let logger: Logger
  private var watch: RecoveryWatch
  /// The clock of Redis that the last recovery turn returned.
  private var clock: String?
  /// When the answer of that turn arrived.
  private var answeredAt = ContinuousClock.now
  /// Where the check of the live runs continues.
  private var position = Reconciliation.Position()
  /// The error that was logged last; it is not logged again at every turn.
  private var loggedError: String?

  /// - Parameter outages: is notified when one of several servers does not answer.
  init(store: RunStore, worker: String, lease: Duration, outages: OutageLog, logger: Logger) {
    self.store = store
    self.outages = outages
    self.worker = worker
    self.lease = lease
    self.logger = logger
    watch = RecoveryWatch(lease: lease)
  }

  /// The time between two turns.
  private var period: Duration { min(.seconds(1), lease / 3) }

  /// How far apart Redis may execute two turns. The lease of a live worker has two thirds of its time left when a
  /// heartbeat is due; if Redis accepted no writes for less than this gap, no lease of a live worker has lapsed.
  private var gap: Duration { lease * 3 / 5 }

  /// Recovers runs until its task is cancelled.
  mutating func run() async {
    while !Task.isCancelled {
      await turn()
      try? await Task.sleep(for: period)
    }
  }

  /// Takes lapsed leases if the watch allows it. Otherwise sends the script all the same, to take nothing: it fails
  /// when Redis refuses writes, and with them heartbeats, or when its clock steps; the wait of one lease then restarts.
  private mutating func turn() async {
    do throws(StoreError) {
      var identity: ServerIdentity?
      var failure: StoreError?
      do { identity = try await store.identity() } catch { failure = error }
      let mayTake = watch.observe(identity, at: .now)
      let isWatching = identity != nil && !watch.isOverdue(at: .now)
      try await recover(mayTake ? .taking : isWatching ? .watching : .probing)
      if let failure { throw failure }
      if mayTake { try await reconcile() }
      try await upgrade()
      if loggedError != nil { logger.notice("runs of dead workers are recovered again") }
      loggedError = nil
      outages.noteSuccess(in: store)
    } catch {
      // All partitions of a server fail with it: one line says so.
      if case .down = error { return outages.note(error, in: store) }
      if loggedError != "\(error)" { logger.warning("runs of dead workers cannot be recovered: \(error)") }
      loggedError = "\(error)"
    }
  }

  /// Takes lapsed leases until none is left; each turn takes few enough not to delay Redis's other clients.
  private mutating func recover(_ kind: RecoveryTurn.Kind) async throws(StoreError) {
    var turn: RecoveryTurn
    var excess = Duration.zero
    repeat {
      let pause = ContinuousClock.now - answeredAt
      let last = clock
      do {
        turn = try await store.recover(after: clock, within: gap, kind: kind, lease: lease)
      } catch {
        watch.restart()
        throw error
      }
      clock = turn.clock
      answeredAt = .now
      excess = Self.time(from: last, to: turn.clock) - pause
      for run in turn.runs {
        logger.warning(
          "a lapsed lease: \(run.recovery.rawValue)",
          metadata: ["job": "\(run.id)", "held_by": "\(run.worker ?? "unknown")"])
      }
    } while turn.hasMore && !turn.isHeldUp && !Task.isCancelled
    // A turn that was late because this process was slow says nothing about the heartbeats of the other workers.
    guard turn.isHeldUp, excess < .zero || excess > gap / 2 else { return }
    watch.restart()
    logger.warning("Redis's clock stepped, or Redis did not respond; no lease is taken for \(lease)")
  }

  /// How far Redis's clock, in microseconds, moved between two turns.
  private static func time(from start: String?, to end: String) -> Duration {
    guard let start = start.flatMap({ Int($0) }), let end = Int(end) else { return .zero }
    return .microseconds(end - start)
  }

  /// Moves queued runs that an older version has left.
  private func upgrade() async throws(StoreError) {
    let moved = try await store.upgrade()
    if moved > 0 { logger.notice("moved \(moved) queued runs of an older version to their queues") }
  }

  private mutating func reconcile() async throws(StoreError) {
    guard let found = try await store.reconcile(from: position, worker: worker, lease: lease) else {
      position = Reconciliation.Position()
      return
    }
    position = found.position
    for (id, what) in found.repaired {
      logger.warning("a run was \(what); it is repaired", metadata: ["job": "\(id)"])
    }
  }
}

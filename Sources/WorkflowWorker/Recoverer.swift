import Logging
import WorkflowStore

/// Takes the runs of dead workers and puts them back into the queue, and looks through the live runs, a part at a time, for
/// such that nobody would take; every worker has one.
struct Recoverer: Sendable {
  private let store: RunStore
  private let worker: String
  private let lease: Duration
  private let logger: Logger
  private var watch: RecoveryWatch
  /// What the last turn of taking leases returned as its clock.
  private var clock: String?
  /// When that turn's answer came.
  private var answeredAt = ContinuousClock.now
  /// Where the look through the live runs continues.
  private var position = Reconciliation.Position()
  /// What went wrong last, which is not said again at every turn.
  private var complaint: String?

  init(store: RunStore, worker: String, lease: Duration, logger: Logger) {
    self.store = store
    self.worker = worker
    self.lease = lease
    self.logger = logger
    watch = RecoveryWatch(lease: lease)
  }

  /// How often it looks.
  private var period: Duration { min(.seconds(1), lease / 3) }

  /// How far apart two turns may be carried out. A living worker's lease has two thirds of its time left when a
  /// heartbeat is due; if writes stood still for less than this, no lease of the living has lapsed.
  private var gap: Duration { lease * 3 / 5 }

  /// Looks until its task is cancelled.
  mutating func run() async {
    while !Task.isCancelled {
      await turn()
      try? await Task.sleep(for: period)
    }
  }

  /// Takes lapsed leases if that is allowed. If not, the script is sent all the same and takes nothing: it fails when Redis
  /// refuses writes, and with them heartbeats, or when its clock steps; then the wait of a lease restarts.
  private mutating func turn() async {
    do {
      var identity: ServerIdentity?
      var failure: StoreError?
      do { identity = try await store.identity() } catch { failure = error }
      let mayTake = watch.observe(identity, at: .now)
      let isWatching = identity != nil && !watch.isOverdue(at: .now)
      try await recover(mayTake ? .taking : isWatching ? .watching : .probing)
      if let failure { throw failure }
      if mayTake { try await reconcile() }
      if complaint != nil { logger.notice("the runs of dead workers are looked for again") }
      complaint = nil
    } catch {
      if complaint != "\(error)" { logger.warning("the runs of dead workers cannot be looked for: \(error)") }
      complaint = "\(error)"
    }
  }

  /// Takes lapsed leases until none is left; a turn takes so few that it does not hold up Redis.
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
      excess = Recoverer.time(from: last, to: turn.clock) - pause
      for (id, recovery) in turn.runs {
        logger.warning("a lapsed lease: \(recovery.rawValue)", metadata: ["job": "\(id)"])
      }
    } while turn.hasMore && !turn.isHeldUp && !Task.isCancelled
    // A turn that came late because this process was slow says nothing of the others' heartbeats.
    guard turn.isHeldUp, excess < .zero || excess > gap / 2 else { return }
    watch.restart()
    logger.warning("Redis's clock stepped, or Redis stood still; no lease is taken for \(lease)")
  }

  /// How far Redis's clock, in microseconds, moved between two turns.
  private static func time(from start: String?, to end: String) -> Duration {
    guard let start = start.flatMap({ Int($0) }), let end = Int(end) else { return .zero }
    return .microseconds(end - start)
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

import Synchronization
import WorkflowStore

/// Runs that this worker has ended, kept with their batches until Redis is unlikely to lose them any more.
///
/// A Redis that comes back without its newest writes may have lost the end of a run, and with it the answers of paid
/// calls. The heartbeat names these runs; a run that Redis still considers started is written again.
final class EndedRuns: Sendable {
  private struct Entry {
    let run: HeldRun
    let batches: [CheckpointBatch]
    let bytes: Int
    let endedAt: ContinuousClock.Instant
  }

  private struct State {
    var entries: [Entry] = []
    var bytes = 0
  }

  /// How long Redis may lose the end of a run: up to two seconds under `everysec`; after a failover, writes that were
  /// not replicated.
  private static let age = Duration.seconds(5)
  private static let mostEntries = 1_000
  private static let mostBytes = 8 << 20

  private let state = Mutex(State())

  /// Keeps a run that has ended, if there is room.
  func keep(_ run: HeldRun, _ batches: [CheckpointBatch], at now: ContinuousClock.Instant = .now) {
    let bytes = batches.reduce(0) { $0 + $1.size }
    state.withLock { state in
      guard state.entries.count < Self.mostEntries, state.bytes + bytes <= Self.mostBytes else { return }
      state.entries.append(Entry(run: run, batches: batches, bytes: bytes, endedAt: now))
      state.bytes += bytes
    }
  }

  /// The runs that are kept.
  var runs: [HeldRun] { state.withLock { $0.entries.map(\.run) } }

  /// Drops the runs that are old enough, and those that Redis still considers started.
  /// - Parameters:
  ///   - runs: the runs that a heartbeat named.
  ///   - asked: when the heartbeat was sent that Redis has answered.
  ///   - unfinished: the runs that Redis considers started.
  /// - Returns: the unfinished runs with their batches, to be written again.
  func settle(
    _ runs: [HeldRun], asked: ContinuousClock.Instant, unfinished: Set<JobID>
  ) -> [(run: HeldRun, batches: [CheckpointBatch])] {
    let named = Set(runs.map(\.id))
    return state.withLock { state in
      let lost = state.entries.filter { unfinished.contains($0.run.id) }
      state.entries.removeAll { entry in
        unfinished.contains(entry.run.id) || entry.endedAt + Self.age < asked && named.contains(entry.run.id)
      }
      state.bytes = state.entries.reduce(0) { $0 + $1.bytes }
      return lost.map { ($0.run, $0.batches) }
    }
  }
}

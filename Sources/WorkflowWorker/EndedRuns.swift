import Synchronization
import WorkflowStore

/// Runs that this worker has ended, kept with their records until Redis is unlikely to lose them any more.
///
/// A Redis that comes back without its newest writes may have forgotten the end of a run, and with it what paid calls
/// returned. The heartbeat names these runs; one that Redis holds for started is written again.
final class EndedRuns: Sendable {
  private struct Entry {
    let run: HeldRun
    let records: [CheckpointBatch]
    let bytes: Int
    let endedAt: ContinuousClock.Instant
  }

  private struct State {
    var entries: [Entry] = []
    var bytes = 0
  }

  /// How long the end of a run may be lost: `everysec` loses up to two seconds, a failover what was not replicated.
  private static let age = Duration.seconds(5)
  private static let mostEntries = 1_000
  private static let mostBytes = 8 << 20

  private let state = Mutex(State())

  /// Keeps a run that has ended, if there is room.
  func keep(_ run: HeldRun, _ records: [CheckpointBatch]) {
    let bytes = records.reduce(0) { $0 + $1.size }
    state.withLock { state in
      guard state.entries.count < EndedRuns.mostEntries, state.bytes + bytes <= EndedRuns.mostBytes else { return }
      state.entries.append(Entry(run: run, records: records, bytes: bytes, endedAt: .now))
      state.bytes += bytes
    }
  }

  /// The runs that are kept.
  var runs: [HeldRun] { state.withLock { $0.entries.map(\.run) } }

  /// Forgets what is old enough, after Redis has answered for it; takes those that Redis holds for started.
  /// - Parameter asked: when the question went out that Redis has answered.
  /// - Returns: the runs to be written again, with their records.
  func settle(asked: ContinuousClock.Instant, unfinished: Set<JobID>) -> [(run: HeldRun, records: [CheckpointBatch])] {
    state.withLock { state in
      let lost = state.entries.filter { unfinished.contains($0.run.id) }
      state.entries.removeAll { unfinished.contains($0.run.id) || $0.endedAt + EndedRuns.age < asked }
      state.bytes = state.entries.reduce(0) { $0 + $1.bytes }
      return lost.map { ($0.run, $0.records) }
    }
  }
}

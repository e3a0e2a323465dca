public import Logging
import Synchronization

/// Checks every two seconds whether Redis has lost runs, or may lose them, and reports it in the log and in health.
///
/// Redis says nothing when its database is emptied or another one takes its place. A random id under one of wf's keys
/// detects that: once this process has seen it, it is there for as long as the runs are. Where the partitions are on
/// several servers, each has one.
public final class DatabaseWatch: Sendable {
  private struct State {
    /// By the number of the partition; those of one server have that of the first.
    var markers: [Int: String] = [:]
    var emptied: Set<Int> = []
    var policies: [Int: EvictionPolicy] = [:]
    var mismatch: PartitionMismatch?
  }

  private static let period = Duration.seconds(2)

  private let partitions: Partitions
  /// Those whose server is looked at.
  private let watched: Partitions
  private let logger: Logger
  private let outages: OutageLog
  private let state = Mutex(State())

  /// A watch that looks once ``run()`` is called.
  public init(_ partitions: Partitions, logger: Logger) {
    self.partitions = partitions
    watched = partitions.isSpread ? partitions : Partitions(partitions.all[0])
    self.logger = logger
    outages = OutageLog("the watch for lost runs", logger: logger)
  }

  /// What an operator should know, a sentence each.
  public var warnings: [String] {
    state.withLock { state in
      let emptied = state.emptied.isEmpty ? nil : emptied(state.emptied.sorted())
      var policies: [String] = []
      for warning in state.policies.sorted(by: { $0.key < $1.key }).compactMap(\.value.warning)
      where !policies.contains(warning) { policies.append(warning) }
      return [emptied].compactMap(\.self) + policies + [state.mismatch.map { "\($0)" }].compactMap(\.self)
    }
  }

  private func emptied(_ numbers: [Int]) -> String {
    let place = partitions.isSpread ? "\(Partitions.named(numbers)) of Redis" : "Redis"
    return """
      \(place) was emptied or replaced while this process ran, or has evicted wf's marker: runs that were accepted before \
      may be gone
      """
  }

  /// Checks until its task is cancelled.
  public func run() async {
    while !Task.isCancelled {
      do throws(StoreError) {
        let mismatch = try await partitions.mismatch()
        note(mismatch)
        await look(readsMarkers: mismatch == nil)
      } catch {
        outages.note(error)
      }
      try? await Task.sleep(for: Self.period)
    }
  }

  private func look(readsMarkers: Bool) async {
    let found = await watched.answers { _, store throws(StoreError) -> (EvictionPolicy, String?) in
      let policy = try await store.evictionPolicy()
      return (policy, readsMarkers ? try await store.databaseMarker() : nil)
    }
    for (number, answer) in found.enumerated() {
      switch answer {
      case .success((let policy, let marker?)):
        note(marker, policy, of: number)
        outages.noteSuccess(in: watched.all[number])
      case .success: break
      case .failure(let error): outages.note(error, in: watched.all[number])
      }
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

  private func note(_ marker: String, _ policy: EvictionPolicy, of number: Int) {
    let before = state.withLock { state in
      let before = (marker: state.markers[number], warnings: state.policies.values.compactMap(\.warning))
      if let known = before.marker, known != marker { state.emptied.insert(number) }
      state.markers[number] = marker
      state.policies[number] = policy
      return before
    }
    if let known = before.marker, known != marker { logger.error("\(emptied([number]))") }
    guard let warning = policy.warning, !before.warnings.contains(warning) else { return }
    logger.warning("\(warning); \(EvictionPolicy.remedy)")
  }
}

import AccessKeys
import LinuxSupport
import Synchronization
import Workflow
import WorkflowStore

/// Holds names to the number of queued and started runs that their keys allow.
///
/// The runs are counted in Redis, at most once a second for a name, and those that were submitted since are added. So
/// nothing has to be taken back when a run ends or a process dies. Several API processes together may exceed a limit
/// by what they accept within a second.
final class RunAllowance: Sendable {
  private struct Count {
    var runs: Int
    let time: MonotonicInstant
  }

  private let partitions: Partitions
  private let counts = Mutex<[String: Count]>([:])

  init(_ partitions: Partitions) { self.partitions = partitions }

  /// Takes one run of what a key allows.
  /// - Throws: `limited` when there are as many.
  func take(of key: AccessKey) async throws(APIError) {
    guard let limit = key.limits.runs else { return }
    if take(of: key.name, limit, isNew: false) { return }
    let runs = try await count(of: key.name, upTo: limit)
    counts.withLock { $0[key.name] = Count(runs: runs, time: .now) }
    guard take(of: key.name, limit, isNew: true) else {
      throw .limited("\(key.name) has \(limit) queued and started runs, as many as it may have (runs)", retryAfter: 1)
    }
  }

  private func take(of name: String, _ limit: Int, isNew: Bool) -> Bool {
    counts.withLock { counts in
      guard let count = counts[name], isNew || .now - count.time < .seconds(1), count.runs < limit else { return false }
      counts[name]?.runs += 1
      return true
    }
  }

  private func count(of name: String, upTo limit: Int) async throws(APIError) -> Int {
    var filter = RunFilter()
    filter.statuses = [.queued, .started]
    filter.owner = name
    var (runs, cursor): (Int, RunCursor?) = (0, nil)
    repeat {
      let page = try await partitions.reading { [cursor] partitions throws(StoreError) in
        try await partitions.list(filter, after: cursor, limit: 1_000)
      }
      runs += page.runs.count
      cursor = page.next
    } while cursor != nil && runs < limit
    return runs
  }
}

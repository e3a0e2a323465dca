public import Logging
import Synchronization

/// Says in the log when a loop that asks Redis begins to fail, and when it succeeds again; not each failure in between.
///
/// A loop that asks several servers fails as long as one of them does.
public final class OutageLog: Sendable {
  private let logger: Logger
  private let what: String
  /// The partitions that fail, where they are on several servers; else 0 for all of them.
  private let failing = Mutex<Set<Int>>([])

  /// - Parameter what: the activity as a noun, such as `the renewal of leases`: the subject of both sentences.
  public init(_ what: String, logger: Logger) {
    self.what = what
    self.logger = logger
  }

  /// Notes a failure.
  /// - Parameter store: that of the partition which was asked; nil where all of them were.
  public func note(_ error: StoreError, in store: RunStore? = nil) {
    let isFirst = failing.withLock { failing in
      defer { failing.insert(store?.partition ?? 0) }
      return failing.isEmpty
    }
    if isFirst { logger.warning("\(what) fails: \(error)") }
  }

  /// Notes a success.
  /// - Parameter store: that of the partition which was asked; nil where all of them were.
  public func noteSuccess(in store: RunStore? = nil) {
    let isLast = failing.withLock { failing in
      guard !failing.isEmpty else { return false }
      return failing.remove(store?.partition ?? 0) != nil && failing.isEmpty
    }
    if isLast { logger.notice("\(what) succeeds again") }
  }
}

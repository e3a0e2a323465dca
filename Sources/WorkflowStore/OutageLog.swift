public import Logging
import Synchronization

/// Says in the log when a loop that asks Redis begins to fail, and when it succeeds again; not each failure in between.
public final class OutageLog: Sendable {
  private let logger: Logger
  private let what: String
  private let isFailing = Mutex(false)

  /// - Parameter what: the activity as a noun, such as `the renewal of leases`: the subject of both sentences.
  public init(_ what: String, logger: Logger) {
    self.what = what
    self.logger = logger
  }

  /// Notes a failure.
  public func note(_ error: StoreError) {
    let isFirst = isFailing.withLock { isFailing in
      defer { isFailing = true }
      return !isFailing
    }
    if isFirst { logger.warning("\(what) fails: \(error)") }
  }

  /// Notes a success.
  public func noteSuccess() {
    let wasFailing = isFailing.withLock { isFailing in
      defer { isFailing = false }
      return isFailing
    }
    if wasFailing { logger.notice("\(what) succeeds again") }
  }
}

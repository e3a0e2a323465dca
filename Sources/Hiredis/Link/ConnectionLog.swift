import Glibc
import LinuxSupport
import Logging
import Synchronization

/// Why a link was lost or cannot be established.
struct LinkFailure: Error, Equatable, CustomStringConvertible {
  /// What happened, as shown in logs and in the errors of callers.
  let reason: String

  /// What an operator can do; nil if waiting is enough.
  let remedy: String?

  /// Creates a failure.
  init(_ reason: String, remedy: String? = nil) {
    self.reason = reason
    self.remedy = remedy
  }

  /// An error reply of Redis, with its remedy.
  init(_ error: RedisReplyError) {
    self.init(error.description, remedy: error.remedy)
  }

  /// Reason and remedy, for the log.
  var description: String { remedy.map { "\(reason); \($0)" } ?? reason }

  /// A failed system call.
  /// - Parameter action: what failed, such as `cannot write`.
  init(_ action: String, errno code: Int32) {
    self.init("\(action): \(String(cString: strerror(code)))")
  }
}

/// Logs the events of a link. An outage gets a line at its start, then at most one line per interval.
struct ConnectionLog {
  private let logger: Logger
  private let address: RedisAddress
  private let interval: Duration
  private var failure: LinkFailure?
  private var lastLine: MonotonicInstant?
  private var lastLoss: (failure: LinkFailure, time: MonotonicInstant)?
  private var isLossUnlogged = false

  /// The failures with a remedy that were logged, by address: the links of this process log each of them once.
  private static let logged = Mutex<[String: LinkFailure]>([:])

  /// Creates a log whose lines name the connection and its address.
  init(_ configuration: LinkConfiguration) {
    var logger = configuration.logger
    logger[metadataKey: "connection"] = "\(configuration.name)"
    logger[metadataKey: "redis"] = "\(configuration.address)"
    self.logger = logger
    address = configuration.address
    interval = configuration.limits.logInterval
  }

  /// Why the link is down.
  var lastError: String {
    failure.map { "no connection to \(address): \($0)" } ?? "no connection to \(address) yet"
  }

  /// Logs that the link is up.
  mutating func connected() {
    if isLossUnlogged { return }
    logger.info("connected to Redis")
    Self.logged.withLock { $0["\(address)"] = nil }
    failure = nil
    lastLine = nil
  }

  /// Logs that the link was lost; at most once per interval if it is lost repeatedly for the same cause.
  mutating func lost(_ failure: LinkFailure, at now: MonotonicInstant) {
    defer { self.failure = failure }
    isLossUnlogged =
      lastLoss.map { $0.failure == failure && failure.remedy != nil && now < $0.time + interval } ?? false
    if isLossUnlogged { return }
    lastLoss = (failure, now)
    logger.warning("connection to Redis lost, reconnecting: \(failure)")
  }

  /// Whether no link of this process has logged the failure for this address since one was up.
  private func isNew(_ failure: LinkFailure) -> Bool {
    Self.logged.withLock { logged in
      defer { logged["\(address)"] = failure }
      return logged["\(address)"] != failure
    }
  }

  /// Logs a failed attempt to connect. A failure with a remedy is logged once per cause and process.
  mutating func attemptFailed(_ failure: LinkFailure, at now: MonotonicInstant) {
    defer { self.failure = failure }
    isLossUnlogged = false
    if failure.remedy != nil {
      if failure != self.failure, isNew(failure) { logger.error("Redis refuses: \(failure)") }
    } else if lastLine.map({ now >= $0 + interval }) ?? true {
      logger.warning("cannot reach Redis, retrying: \(failure.reason)")
      lastLine = now
    }
  }
}

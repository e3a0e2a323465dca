import Logging

/// The log of a link: one line per event, and of an outage its begin, then at most a line every so often.
struct LinkJournal {
  private let logger: Logger
  private let address: RedisAddress
  private let interval: Duration
  private var failure: LinkFailure?
  private var lastLine: ContinuousClock.Instant?

  /// A journal whose lines name the connection and the address.
  init(_ configuration: LinkConfiguration) {
    var logger = configuration.logger
    logger[metadataKey: "connection"] = "\(configuration.name)"
    logger[metadataKey: "redis"] = "\(configuration.address)"
    self.logger = logger
    address = configuration.address
    interval = configuration.limits.logInterval
  }

  /// Why nothing goes through while the link is down.
  var obstacle: String {
    failure.map { "no connection to \(address): \($0.reason)" } ?? "no connection to \(address) yet"
  }

  /// The link is up.
  mutating func connected() {
    logger.info("connected to Redis")
    failure = nil
    lastLine = nil
  }

  /// The link was up and is no more.
  mutating func lost(_ failure: LinkFailure) {
    logger.warning("connection to Redis lost, reconnecting: \(failure)")
    self.failure = failure
  }

  /// An attempt to bring the link up has failed.
  ///
  /// What an operator must mend is said once for each cause.
  mutating func attemptFailed(_ failure: LinkFailure, at now: ContinuousClock.Instant) {
    defer { self.failure = failure }
    if failure.remedy != nil {
      if failure != self.failure { logger.error("Redis refuses: \(failure)") }
    } else if lastLine.map({ now >= $0 + interval }) ?? true {
      logger.warning("cannot reach Redis, trying on: \(failure.reason)")
      lastLine = now
    }
  }
}

import Logging
import Synchronization

/// The log of a link: one line per event; of an outage its start, then at most one line per interval.
struct LinkJournal {
  private let logger: Logger
  private let address: RedisAddress
  private let interval: Duration
  private var failure: LinkFailure?
  private var lastLine: ContinuousClock.Instant?
  private var lastLoss: (failure: LinkFailure, time: ContinuousClock.Instant)?
  private var isLossUntold = false

  /// What an operator must mend, by the address of the Redis: the links of this process say it once, not each of them.
  private static let told = Mutex<[String: LinkFailure]>([:])

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
    failure.map { "no connection to \(address): \($0)" } ?? "no connection to \(address) yet"
  }

  /// The link is up.
  mutating func connected() {
    if isLossUntold { return }
    logger.info("connected to Redis")
    LinkJournal.told.withLock { $0["\(address)"] = nil }
    failure = nil
    lastLine = nil
  }

  /// The link was up and is no more.
  ///
  /// One that comes and goes for the same cause again and again is told of once per interval.
  mutating func lost(_ failure: LinkFailure, at now: ContinuousClock.Instant) {
    defer { self.failure = failure }
    isLossUntold = lastLoss.map { $0.failure == failure && failure.remedy != nil && now < $0.time + interval } ?? false
    if isLossUntold { return }
    lastLoss = (failure, now)
    logger.warning("connection to Redis lost, reconnecting: \(failure)")
  }

  /// Whether no link of this process has said this of the address since one was up.
  private func isNews(_ failure: LinkFailure) -> Bool {
    LinkJournal.told.withLock { told in
      defer { told["\(address)"] = failure }
      return told["\(address)"] != failure
    }
  }

  /// An attempt to bring the link up has failed.
  ///
  /// What an operator must mend is said once for each cause.
  mutating func attemptFailed(_ failure: LinkFailure, at now: ContinuousClock.Instant) {
    defer { self.failure = failure }
    isLossUntold = false
    if failure.remedy != nil {
      if failure != self.failure, isNews(failure) { logger.error("Redis refuses: \(failure)") }
    } else if lastLine.map({ now >= $0 + interval }) ?? true {
      logger.warning("cannot reach Redis, trying on: \(failure.reason)")
      lastLine = now
    }
  }
}

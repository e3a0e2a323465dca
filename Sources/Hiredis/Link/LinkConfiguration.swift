import Logging

/// The address and the limits of a link.
struct LinkConfiguration: Sendable {
  /// The address of Redis.
  var address: RedisAddress
  /// The name of the thread, and of the client in `CLIENT LIST`.
  let name: String
  /// Logs connects, losses and failed attempts.
  let logger: Logger
  /// Timeouts and sizes.
  let limits: LinkLimits
  /// Is notified of reconnects.
  var meter: (any RedisMeter)?
  /// The map of the cluster that the server is a node of; nil outside a cluster.
  var topology: ClusterTopology?
}

/// The timeouts and sizes of a link.
struct LinkLimits: Sendable {
  /// The timeout for a socket to connect, and again for the handshake. A name lookup is not included.
  var attempt: Duration = .seconds(2)

  /// How long a sentinel, or a node that is asked for the map of a cluster, may take to connect and to answer, before
  /// the next one is asked.
  var sentinel: Duration = .seconds(1)

  /// The time between two questions to the sentinels while the link is up, for all links of the process.
  var sentinelCheck: Duration = .seconds(1)

  /// The time between two questions for the map of a cluster.
  var clusterCheck: Duration = .seconds(1)

  /// The least time between two such questions.
  var clusterDoubt: Duration = .milliseconds(200)

  /// How long no byte may arrive while replies are due.
  ///
  /// Longer than any script should run: after the timeout, the script would be sent again.
  var silence: Duration = .seconds(10)

  /// The time between two checks of how many bytes the server's host has acknowledged.
  var deliveryCheck: Duration = .milliseconds(250)

  /// The time between two PINGs of a subscription, for which no reply is due otherwise.
  var pingInterval: Duration = .seconds(5)

  /// How long the thread sleeps while its socket is lent to callers.
  var loan: Duration = .seconds(1)

  /// The least time between two log lines about failed attempts.
  var logInterval: Duration = .seconds(10)

  /// The upper bound of the first wait between two attempts; see ``Backoff``.
  var firstBackoff: Duration = .milliseconds(20)
  /// The upper bound of every later wait.
  var longestBackoff: Duration = .seconds(1)

  /// How many bytes are passed to the socket at a time.
  ///
  /// Commands that still wait when the server stops reading have certainly not been executed.
  var batch = 64 << 10
}

/// Exponential backoff with full jitter: each wait is random between zero and a bound that doubles, so that many
/// clients do not reconnect to a restarted server at the same time.
struct Backoff {
  private let first: Duration
  private let longest: Duration
  private var bound: Duration

  /// - Parameters:
  ///   - first: the bound of the first wait.
  ///   - longest: the largest bound.
  init(first: Duration, longest: Duration) {
    self.first = first
    self.longest = longest
    bound = first
  }

  /// The wait before the next attempt.
  mutating func next() -> Duration {
    defer { bound = min(bound * 2, longest) }
    return bound * Double.random(in: 0...1)
  }

  /// Resets the bound after a success.
  mutating func reset() {
    bound = first
  }
}

import Glibc

/// The limits and sizes of a `FastCGIServer`.
public struct FastCGIServerConfiguration: Sendable {
  /// How many threads accept connections and read requests. At least 1.
  ///
  /// One uses least CPU time per request: several wake each other, and wait for each other's locks.
  public var reactorThreads = 1

  /// The most reactor threads: another one is started while slow peers block all of them, and ends afterwards.
  public var maxReactorThreads = 32

  /// How many threads write large and streamed responses. At least 1.
  public var writerThreads = 2

  /// The longest body that is kept, in bytes. A longer one is read and discarded.
  public var maxBodyBytes = 1 << 20

  /// The timeout for a request: from connecting to the first byte, and again from there to the last one.
  public var readTimeout: Duration = .seconds(10)

  /// How long a peer may accept nothing of its response.
  public var writeTimeout: Duration = .seconds(10)

  /// The upper bound of `writeTimeout` while the server is stopping.
  public var stopTimeout: Duration = .seconds(10)

  /// The most bytes that may wait for a slow reader of a stream. A single piece may be larger.
  public var maxQueuedStreamBytes = 256 << 10

  /// Whether a connection is kept open for further requests if the peer asks for it (nginx: `fastcgi_keep_conn on`).
  public var keepConnections = false

  /// How long a kept connection may be idle. Longer than nginx's 60 s, so that nginx closes it.
  public var keepAliveTimeout: Duration = .seconds(75)

  /// The most open connections. Beyond it a new one replaces an idle one, or waits in the kernel's queue.
  ///
  /// The limit of open files less 64 bounds it too. An open request takes about 14 kB.
  public var maxConnections = 4096

  /// The default configuration.
  public init() {}

  /// `maxConnections`, or as many as the process has file descriptors for.
  public var connectionLimit: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return maxConnections }
    return min(maxConnections, max(1, Int(clamping: limit.rlim_cur) - 64))
  }

  /// Traps on values that are out of range.
  func check() {
    precondition(reactorThreads >= 1 && maxReactorThreads >= reactorThreads, "1 <= reactorThreads <= maxReactorThreads")
    precondition(writerThreads >= 1 && maxConnections >= 1, "a server needs a writer thread and a connection")
    precondition(maxBodyBytes >= 0 && maxQueuedStreamBytes >= 0, "limits in bytes are not negative")
    precondition(
      readTimeout > .zero && writeTimeout > .zero && stopTimeout > .zero && keepAliveTimeout > .zero,
      "timeouts are positive")
  }
}

import Glibc

/// The limits and sizes of a `FastCGIServer`.
public struct FastCGIServerConfiguration: Sendable {
  /// Threads that wait for connections and read requests. At least 1.
  public var reactorThreads = 2

  /// How far the reactor grows while slow peers hold all of its threads; it shrinks again afterwards.
  public var maxReactorThreads = 32

  /// Threads that write large and streamed answers. At least 1.
  public var writerThreads = 2

  /// The longest body that is kept, in bytes. The rest of a longer one is read and thrown away.
  public var maxBodyBytes = 1 << 20

  /// How long a peer may take to send its request: from connecting to the first byte, and from there to the last one.
  public var readTimeout: Duration = .seconds(10)

  /// How long an answer may wait for its peer to take any of it.
  public var writeTimeout: Duration = .seconds(10)

  /// The most that `writeTimeout` may be while the server is stopping.
  public var stopTimeout: Duration = .seconds(10)

  /// The most that may be waiting for a slow reader of a stream, in bytes; one piece may be larger when it is alone.
  public var maxQueuedStreamBytes = 256 * 1024

  /// Whether a connection serves further requests when the peer asks for that (nginx: `fastcgi_keep_conn on`).
  public var keepConnections = false

  /// How long a kept connection may stay idle. Longer than nginx's 60 s, so that it is nginx that closes.
  public var keepAliveTimeout: Duration = .seconds(75)

  /// Open connections. Beyond it a new one takes the place of one that is kept idle, or waits in the kernel's queue.
  ///
  /// Fewer when the process may not open as many files and 64 for other uses. An open request takes about 14 KB.
  public var maxConnections = 4096

  /// The defaults.
  public init() {}

  /// The connections that the process has file descriptors for, `maxConnections` at most.
  public var connectionLimit: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return maxConnections }
    return min(maxConnections, max(1, Int(clamping: limit.rlim_cur) - 64))
  }

  /// Traps on values that make no server.
  func check() {
    precondition(reactorThreads >= 1 && maxReactorThreads >= reactorThreads, "1 <= reactorThreads <= maxReactorThreads")
    precondition(writerThreads >= 1 && maxConnections >= 1, "a server needs a writer thread and a connection")
    precondition(maxBodyBytes >= 0 && maxQueuedStreamBytes >= 0, "limits in bytes are not negative")
    precondition(
      readTimeout > .zero && writeTimeout > .zero && stopTimeout > .zero && keepAliveTimeout > .zero,
      "timeouts are positive")
  }
}

public import Logging
import Synchronization

/// A FastCGI responder: takes requests from a web server and answers them with a handler.
///
/// A few threads read requests and begin to answer them, each in a task of its own, and a few threads write the answers
/// that do not fit a socket's buffer; so the number of open connections costs no threads. Stop it before letting go of
/// it.
///
/// ```swift
/// let server = try FastCGIServer(listener: .unix(path: "/run/app.sock"), logger: logger) { request in
///   FastCGIResponse(headers: [("Content-Type", "text/plain")], body: .bytes(Array("hello".utf8)))
/// }
/// try server.start()
/// ```
public final class FastCGIServer: Sendable {
  private enum Lifecycle {
    case ready
    case running(RunningServer)
    case stopped(Task<Void, Never>)
  }

  private let listening: ListeningSocket
  private let configuration: FastCGIServerConfiguration
  private let logger: Logger
  private let handler: @Sendable (FastCGIRequest) async -> FastCGIResponse
  private let table: ConnectionTable
  private let lifecycle = Mutex(Lifecycle.ready)

  /// Opens the listener: from here on peers can connect, and are served after `start`.
  ///
  /// - Parameter handler: called for each complete request, never for one that broke off, on a thread that reads
  ///   others' requests too: it must not block. When the client hangs up meanwhile, its connection is closed and the
  ///   handler's task is cancelled; what the handler does all the same is not undone, and its answer is dropped.
  public init(
    listener: FastCGIListener, configuration: FastCGIServerConfiguration = FastCGIServerConfiguration(), logger: Logger,
    handler: @escaping @Sendable (FastCGIRequest) async -> FastCGIResponse
  ) throws(FastCGIError) {
    configuration.check()
    precondition(Library.isReady, "libfcgi can be set up")
    listening = try ListeningSocket(listener)
    self.configuration = configuration
    self.logger = logger
    self.handler = handler
    table = ConnectionTable(limit: configuration.connectionLimit, stopTimeout: configuration.stopTimeout)
  }

  /// Requests that are being read or answered.
  public var requestsInHand: Int { table.requestsInHand }

  /// The port of a TCP listener, also where it was asked for as 0.
  public var port: UInt16? { listening.port }

  /// Serves, on threads of its own. To be called once.
  public func start() throws(FastCGIError) {
    let server = try RunningServer(
      listening: listening, configuration: configuration, table: table, logger: logger, handler: handler)
    lifecycle.withLock { lifecycle in
      guard case .ready = lifecycle else { preconditionFailure("a server is started once") }
      lifecycle = .running(server)
    }
    do throws(FastCGIError) {
      try server.start()
    } catch {
      server.abandon()
      throw error
    }
    logger.info("FastCGI server started", metadata: ["max-connections": "\(configuration.connectionLimit)"])
  }

  /// Stops accepting, answers what is in hand, tells streams to end, and returns when the last answer is out.
  ///
  /// It waits for handlers and streams as long as they take. What has arrived before the call is still answered; a peer
  /// in the middle of its request has until `readTimeout`. Calling it again waits for the same end.
  public func stop() async {
    let stopping = lifecycle.withLock { lifecycle in
      if case .stopped(let stopping) = lifecycle { return stopping }
      var server: RunningServer?
      if case .running(let running) = lifecycle { server = running }
      let stopping = Task { [server, listening, logger] in
        listening.hide()
        await server?.stop()
        listening.refuse()
        logger.info("FastCGI server stopped")
      }
      lifecycle = .stopped(stopping)
      return stopping
    }
    await stopping.value
  }
}

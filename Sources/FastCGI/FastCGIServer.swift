public import Logging
import Synchronization

/// A FastCGI responder: accepts requests from a web server and answers them with a handler.
///
/// A few threads read requests and start one task per request; a few more write the responses that do not fit a
/// socket's buffer. So the number of threads does not depend on the number of connections. Stop the server before
/// releasing it.
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

  /// Opens the listener. Peers can connect from now on, and are served after `start`.
  ///
  /// - Parameter handler: called for each complete request. It must not block: its thread also reads other requests.
  ///   When the client disconnects meanwhile, then within a quarter of a second the connection is closed, the
  ///   handler's task is cancelled, and its response is dropped.
  /// - Throws: `FastCGIError` when the address is in use or cannot be opened.
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

  /// How many requests are being read or answered.
  public var activeRequests: Int { table.activeRequests }

  /// The port of a TCP listener, also when it was given as 0; nil for other listeners.
  public var port: UInt16? { listening.port }

  /// Starts the threads. Must be called once.
  /// - Throws: `FastCGIError.system` when a descriptor or thread cannot be created.
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

  /// Stops accepting, asks streams to end, and returns when the last response was sent.
  ///
  /// Requests that arrived before the call are still answered; a peer in the middle of its request has until
  /// `readTimeout`. There is no limit to how long handlers and streams may take. A second call waits for the same end.
  public func stop() async {
    let stopping = lifecycle.withLock { lifecycle in
      if case .stopped(let stopping) = lifecycle { return stopping }
      var server: RunningServer?
      if case .running(let running) = lifecycle { server = running }
      let stopping = Task { [server, listening, logger] in
        listening.unlink()
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

import ExactJSON
public import FastCGI
import LinuxSupport
public import Logging
public import ServiceLifecycle
public import Workflow
public import WorkflowStore

/// The API: FastCGI requests in, runs into Redis, status out. It keeps no state of its own.
public struct APIServer: Service {
  private let listener: FastCGIListener
  private let configuration: FastCGIServerConfiguration
  private let router: Router
  private let events: RunEvents
  private let admission: Admission
  private let started: @Sendable () -> Void
  private let logger: Logger

  /// An API on a listener.
  /// - Parameters:
  ///   - store: for what is little and must not wait.
  ///   - documents: the store on a connection of its own, for large documents and progress logs.
  ///   - warnings: what health tells an operator beside the facts.
  ///   - definitions: reads submitted bodies.
  ///   - allowsAnonymous: whether clients that are not on this host are answered too.
  ///   - siteURL: the address of the site; as long as only clients on this host are answered, a request must be meant
  ///     for its host or for a loopback name.
  ///   - started: called once requests are answered.
  public init(
    listener: FastCGIListener, configuration: FastCGIServerConfiguration, definitions: DefinitionReader,
    store: RunStore, documents: RunStore, events: RunEvents, warnings: @escaping @Sendable () -> [String] = { [] },
    allowsAnonymous: Bool, siteURL: String, logger: Logger,
    started: @escaping @Sendable () -> Void = {}
  ) {
    self.started = started
    admission = Admission(allowsAnonymous: allowsAnonymous, siteURL: siteURL)
    self.events = events
    self.listener = listener
    self.configuration = configuration
    self.logger = logger
    let allowances = Allowances(connections: configuration.connectionLimit)
    router = Router([
      SubmitRoute(reader: definitions, submissions: GroupSubmit(store)),
      DeadLettersRoute(store: store),
      HealthRoute(store: store, warnings: warnings),
      StatusRoute(store: store, documents: documents, events: events, allowances: allowances),
      EventsRoute(store: documents, events: events, allowances: allowances, heartbeat: .seconds(15)),
    ])
  }

  /// Serves until the service group shuts down; then finishes what is in hand.
  public func run() async throws {
    let server = try FastCGIServer(listener: listener, configuration: configuration, logger: logger) { request in
      await answer(request)
    }
    try server.start()
    started()
    logger.notice("api started", metadata: ["listener": "\(listener)"])
    try? await gracefulShutdown()
    // Whoever waits is answered now; streams end.
    events.close()
    await stop(server)
    logger.notice("api stopped")
  }

  /// Returns when the server has stopped, or at once for a task that is cancelled.
  private func stop(_ server: FastCGIServer) async {
    let (stopped, continuation) = AsyncStream<Never>.makeStream()
    Task {
      await server.stop()
      continuation.finish()
    }
    for await _ in stopped {}
  }

  /// Answers one request, and logs it in one line: refusals at info, failures as warnings, all others at debug.
  func answer(_ request: FastCGIRequest) async -> FastCGIResponse {
    let start = ContinuousClock.now
    let context = RequestContext(request)
    var response: FastCGIResponse
    do {
      try admission.check(request)
      response = try await router.answer(request, context)
    } catch {
      response = error.response
      if let reason = error.reason { context.note("reason", reason) }
    }
    response.headers.append(("X-Request-ID", context.requestID))
    log(request, response, context, took: .now - start)
    return response
  }

  private func log(
    _ request: FastCGIRequest, _ response: FastCGIResponse, _ context: RequestContext, took: Duration
  ) {
    let level: Logger.Level =
      switch response.status {
      case 500...: .warning
      case 499: .debug
      case 400...: .info
      default: .debug
      }
    guard logger.logLevel <= level else { return }
    var metadata = context.metadata
    metadata["request"] = "\(context.requestID)"
    metadata["status"] = "\(response.status)"
    metadata["ms"] = "\(took.milliseconds)"
    logger.log(level: level, "\(request.method.cut(toBytes: 20)) \(request.path.cut(toBytes: 200))", metadata: metadata)
  }
}

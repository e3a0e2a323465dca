public import AccessKeys
import ExactJSON
public import FastCGI
import LinuxSupport
public import Logging
public import Metrics
public import ServiceLifecycle
public import Tracing
public import Workflow
public import WorkflowStore

/// The API: accepts FastCGI requests, submits runs to Redis, and returns their status. It is stateless.
public struct APIServer: Service {
  private let listener: FastCGIListener
  private let configuration: FastCGIServerConfiguration
  private let router: Router
  private let events: RunEvents
  private let partitions: Partitions
  private let submissions: GroupSubmit
  private let catalog: OperationCatalog
  private let accessControl: AccessControl
  private let requests: RequestMeter
  private let sender: MetricsSender
  private let pages: Pages
  private let started: @Sendable () -> Void
  /// Every route.
  let routes: [any Route]
  private let logger: Logger

  /// Creates an API; it serves from `run()` on.
  /// - Parameters:
  ///   - definitions: reads submitted bodies; operations that live workers announce are added.
  ///   - partitions: for small documents, whose reads must not wait for large ones.
  ///   - documents: the partitions on a separate connection, for large documents and progress logs.
  ///   - warnings: messages for operators, shown by `/status/health`.
  ///   - allowsAnonymous: whether clients on other hosts are answered.
  ///   - keys: the keys of clients, without which no request is answered; nil where requests need none.
  ///   - siteURL: the URL of the site. Unless `allowsAnonymous`, the `Host` of a request must be its host or a loopback
  ///     name.
  ///   - spans: takes the spans of submissions; nil to write none.
  ///   - mayScrape: whether a client at an address may read the metrics without a key.
  ///   - meter: counts what this process does; the API adds it to the sums of all processes.
  ///   - version: of wf, for the OpenAPI document.
  ///   - started: called once requests are served.
  public init(
    listener: FastCGIListener, configuration: FastCGIServerConfiguration, definitions: DefinitionReader,
    partitions: Partitions, documents: Partitions, events: RunEvents,
    warnings: @escaping @Sendable () -> [String] = { [] },
    allowsAnonymous: Bool, keys: KeyRing? = nil, siteURL: String, spans: (any SpanRecorder)? = nil,
    mayScrape: @escaping @Sendable (_ address: String) -> Bool = { _ in false }, meter: Meter = Meter(),
    version: String = "unversioned", logger: Logger, started: @escaping @Sendable () -> Void = {}
  ) {
    self.started = started
    accessControl = AccessControl(
      allowsAnonymous: allowsAnonymous, siteURL: siteURL, keys: keys, mayScrape: mayScrape)
    sender = MetricsSender(meter, to: partitions.all[0], logger: logger)
    let quotas = Quotas(connections: configuration.connectionLimit)
    pages = Pages(
      partitions: partitions, documents: documents, quotas: quotas, accessControl: accessControl, siteURL: siteURL)
    self.events = events
    self.partitions = partitions
    submissions = GroupSubmit(partitions)
    self.listener = listener
    self.configuration = configuration
    self.logger = logger
    catalog = OperationCatalog(definitions, partitions: partitions, logger: logger)
    let routes =
      Self.routes(
        catalog: catalog, partitions: partitions, documents: documents, events: events, submissions: submissions,
        quotas: quotas, spans: spans, warnings: warnings,
        metrics: MetricsCollector(partitions: partitions, catalog: catalog, sender: sender, version: version))
      + PageRoute.all(pages)
    let openAPI = OpenAPIRoute(catalog) { route, reader in
      OpenAPIDocument(
        routes: routes + [route], requestSchemas: reader.schemas(), version: version, needsKeys: keys != nil)
    }
    self.routes = routes + [openAPI]
    router = Router(self.routes, partitions: partitions)
    requests = RequestMeter(meter, self.routes)
    pages.use(router)
  }

  /// Serves until the service group shuts down, then answers the requests that have arrived.
  ///
  /// No run is accepted before Redis has said how many partitions its data have.
  /// - Throws: `FastCGIError` when the listener cannot be opened; `PartitionMismatch`, at once or when Redis is back.
  public func run() async throws {
    let outages = OutageLog("the look at the number of partitions", logger: logger)
    var check = await partitions.check(within: .seconds(1), outages)
    if case .differs(let mismatch) = check { throw mismatch }
    if check == .unknown { submissions.hold() }
    let server = try FastCGIServer(listener: listener, configuration: configuration, logger: logger) { request in
      await answer(request)
    }
    let looking = Task { await catalog.run() }
    defer { looking.cancel() }
    try server.start()
    started()
    logger.notice("api started", metadata: ["listener": "\(listener)"])
    if check == .unknown { check = await cancelWhenGracefulShutdown { await partitions.check(outages) } }
    if check == .fits {
      submissions.release()
      let sending = Task { await sender.run() }
      defer { sending.cancel() }
      try? await gracefulShutdown()
    }
    // Long polls are answered now; streams end.
    events.close()
    await stop(server)
    if check == .fits { await sender.finish() }
    logger.notice("api stopped")
    if case .differs(let mismatch) = check { throw mismatch }
  }

  /// Waits until the server has stopped; in a cancelled task returns at once.
  private func stop(_ server: FastCGIServer) async {
    let (stopped, continuation) = AsyncStream<Never>.makeStream()
    Task {
      await server.stop()
      continuation.finish()
    }
    for await _ in stopped {}
  }

  /// Answers a request, and logs it in one line: 4xx at info, 5xx as a warning, all others at debug.
  func answer(_ request: FastCGIRequest) async -> FastCGIResponse {
    let start = MonotonicInstant.now
    let context = RequestContext(request, keys: accessControl.keys)
    let page = PagePlace(request)
    if page != nil { router.note(request, context) }
    var response: FastCGIResponse
    do {
      if page?.isPublic == true { try accessControl.checkPublic(request) } else { try admit(request, context) }
      response =
        if let page { try await pages.answer(page, request, context) } else {
          try await router.answer(request, context)
        }
    } catch {
      let isPage = page != nil && MediaType.prefersHTML(request.headers("Accept"))
      response = isPage ? pages.failure(error, request, context) : error.response
      if let reason = error.reason { context.note("reason", reason) }
    }
    if PagePlace.hasBoth(request) { response.headers.append(("Vary", "Accept")) }
    response.headers.append(("X-Request-ID", context.requestID))
    let time = MonotonicInstant.now - start
    requests.note(route: context.route, status: response.status, waits: context.hasWaited, took: time)
    log(request, response, context, took: time)
    return response
  }

  /// Notes whose request it is, and counts it.
  private func admit(_ request: FastCGIRequest, _ context: RequestContext) throws(APIError) {
    guard let key = try accessControl.check(request) else { return }
    context.identify(key)
    if AccessControl.isByCookie(request), !["GET", "HEAD"].contains(where: request.method.hasSameScalars) {
      try FormToken.check(request, key)
    }
    guard let pause = accessControl.keys?.countRequest(of: key) else { return }
    throw .limited(
      "\(key.name) may send \(key.limits.requests ?? 0) requests a second (requests_s)",
      retryAfter: max(1, (pause.milliseconds + 999) / 1_000))
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

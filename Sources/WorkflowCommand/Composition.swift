import CVersion
import Curl
import Hiredis
import Logging
import Metrics
import OTLP
import Workflow
import WorkflowLLM
import WorkflowOperations
import WorkflowStore
import WorkflowWorker

/// Puts the parts together as the settings say.
struct Composition {
  let settings: Settings
  let logger: Logger
  private let service: String
  /// Counts what this process does.
  let meter = Meter()
  /// The same of its connections to Redis.
  let redisMeter: RedisCommandMeter

  /// Reads the settings and starts the log.
  init(service: String) throws {
    let settings = try Settings.ofService()
    self.settings = settings
    self.service = service
    let (level, format) = (settings.logLevel, settings.logFormat)
    logger = Logger(label: service) { JournalLogHandler(level: level, format: format, label: $0) }
    redisMeter = RedisCommandMeter(meter, process: String(service.dropFirst("wf-".count)))
  }

  /// Sends spans to the collector that OpenTelemetry's variables name; nil where they name none.
  /// - Throws: `HTTPLibraryError`.
  func spanExporter() throws -> SpanExporter? {
    let version = String(cString: wf_version())
    let variables = settings.tracing
    let reading = OTLPEndpoint.read(service: service, version: version) { variables[$0] }
    for warning in reading.warnings { logger.warning("\(warning)") }
    guard let endpoint = reading.endpoint else { return nil }
    try HTTPClient.loadLibrary()
    let client = HTTPClient(.init(authoritiesFile: settings.authorities, userAgent: userAgent))
    let exporter = SpanExporter(
      endpoint, resource: reading.resource, version: version, client: client, logger: logger)
    exporter.start()
    logger.notice("spans are sent", metadata: ["endpoint": "\(endpoint.shown)"])
    return exporter
  }

  /// The operations, with the models that the settings name.
  /// - Parameters:
  ///   - client: for model calls; nil without a model, or where the operations are not executed.
  ///   - requests: for `http_request`; nil where it is off, or where the operations are not executed.
  func registry(client: HTTPClient?, requests: HTTPClient?) -> OperationRegistry {
    let models = client.flatMap(models)
    let summarizer = LLMSummarize(
      models: models, fallback: settings.fallback, total: settings.modelTotal, limits: settings.modelLimits)
    // It has no placeholder: without a model the operation is not there.
    let hasModel = settings.models.catalog != nil
    let chat = hasModel ? LLMChat(models: models, total: settings.modelTotal, limits: settings.modelLimits) : nil
    let request = SendHTTPRequest(
      client: requests, access: settings.httpAccess, timeout: settings.httpTimeout, log: requestLog())
    return OperationRegistry(
      OperationRegistry.builtIn(summarizer: summarizer, chat: chat, requests: request)
        + CommandLineTool.additionalOperations)
  }

  private func models(_ client: HTTPClient) -> ChatModels? {
    guard let catalog = settings.models.catalog else { return nil }
    if settings.models.isFile { return ChatModels(catalog, client: client, logger: logger) }
    let log = ModelLog(logger)
    return ChatModels(
      ChatModels.make(catalog.models[0], client, log), name: catalog.models[0].name,
      timeout: catalog.models[0].timeout, log: log)
  }

  /// A client for model calls; nil without a model, since libcurl takes 3.5 MB of memory.
  /// - Throws: `HTTPLibraryError`; `Settings.Invalid` where the key of a model is not there.
  func httpClient() throws -> HTTPClient? {
    guard settings.models.catalog != nil else { return nil }
    try settings.models.requireKeys()
    try HTTPClient.loadLibrary()
    return HTTPClient(settings.httpClientConfiguration)
  }

  /// The client of `http_request`, whose connections go to allowed addresses only; nil where it is off.
  /// - Throws: `HTTPLibraryError`.
  func requestClient() throws -> HTTPClient? {
    try loadURLParser()
    guard !settings.httpAccess.isOff else { return nil }
    return SendHTTPRequest.client(
      settings.httpAccess, authoritiesFile: settings.authorities, userAgent: userAgent)
  }

  /// Loads libcurl where `http_request` or callbacks are on, since URLs are checked with libcurl's reading of them.
  /// - Throws: `HTTPLibraryError`.
  func loadURLParser() throws {
    if !settings.httpAccess.isOff || settings.callbacks != nil { try HTTPClient.loadLibrary() }
  }

  /// Says what is wrong with a `callback_url`.
  var callbackCheck: CallbackCheck { CallbackAccess.check(settings.callbacks?.access) }

  /// How a worker sends callbacks; nil where they are off.
  /// - Throws: `HTTPLibraryError`.
  func callbackConfiguration() throws -> CallbackConfiguration? {
    guard let callbacks = settings.callbacks else { return nil }
    try HTTPClient.loadLibrary()
    return CallbackConfiguration(
      client: callbacks.access.client(authoritiesFile: settings.authorities, userAgent: userAgent),
      secrets: callbacks.secrets, access: callbacks.access, timeout: callbacks.timeout,
      site: settings.isSet("WF_URL") ? settings.url : "")
  }

  private var userAgent: String { "wf/\(String(cString: wf_version()))" }

  /// Logs failed requests, each cause once a minute.
  private func requestLog() -> SendHTTPRequest.Log {
    let causes = RepeatedCauses<String>()
    return { [logger] job, step, failure in
      guard let suppressed = causes.admit("\(failure.code) \(failure.message)") else { return }
      var metadata: Logger.Metadata = [
        "job": "\(job)", "step": "\(step)", "code": "\(failure.code.rawValue)", "error": "\(failure.message)",
      ]
      if !failure.detail.isEmpty { metadata["detail"] = "\(failure.detail)" }
      if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
      logger.notice("a request of a step failed", metadata: metadata)
    }
  }

  /// A connection to Redis.
  func connection(_ name: String) -> RedisConnection {
    RedisConnection(settings.redis, name: name, logger: logger, meter: redisMeter)
  }

  /// The events of runs.
  /// - Parameter documents: reads what is new.
  func events(_ documents: RedisConnection) -> RunEvents {
    RunEvents(settings.redis, partitions: partitions(documents), logger: logger, meter: redisMeter)
  }

  /// Says in the log, once Redis answers, what keeps wf from working there and what makes Redis lose runs.
  func warnAboutRedis(_ connection: RedisConnection) async {
    let check = RedisCheck(
      connection: connection, partitions: partitions(connection), address: settings.redis,
      replicas: settings.limits.replicas)
    while !Task.isCancelled {
      if let problems = await check.problems() {
        for problem in problems {
          let level = problem.outcome == .failed ? Logger.Level.error : .warning
          logger.log(level: level, "\(problem.what); \(problem.remedy ?? "")")
        }
        return
      }
      try? await Task.sleep(for: .seconds(1))
    }
  }

  /// The stores of all partitions on a connection.
  /// - Parameters:
  ///   - writes: for writes that replicas must acknowledge; nil for the same connection.
  ///   - timeout: how long a command may take, a reconnect included.
  func partitions(
    _ connection: RedisConnection, writes: RedisConnection? = nil, timeout: Duration = .seconds(5)
  ) -> Partitions {
    Partitions(
      connection, writes: writes, keys: settings.keys, count: settings.partitions, limits: settings.limits,
      timeout: timeout)
  }
}

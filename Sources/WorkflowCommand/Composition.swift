import Curl
import Hiredis
import Logging
import WorkflowLLM
import WorkflowOperations
import WorkflowStore

/// Puts the parts together as the settings say.
struct Composition {
  let settings: Settings
  let logger: Logger

  /// Reads the settings and starts the log.
  init(service: String) throws {
    let settings = try Settings.ofService()
    self.settings = settings
    let level = settings.logLevel
    logger = Logger(label: service) { _ in JournalLogHandler(level: level) }
  }

  /// The operations, with the model that the settings name.
  /// - Parameter client: for model calls; nil without a model, or where the operations are not executed.
  func registry(client: HTTPClient?) -> OperationRegistry {
    let log = ModelLog(logger)
    let summarizer = LLMSummarize(
      model: client.flatMap { model($0, log) }, fallback: settings.fallback, total: settings.modelTotal,
      limits: settings.modelLimits, log: log)
    return OperationRegistry(
      OperationRegistry.builtIn(summarizer: summarizer) + CommandLineTool.additionalOperations)
  }

  private func model(_ client: HTTPClient, _ log: ModelLog) -> (any ChatModel)? {
    settings.model.map { OpenAIChatModel(client: client, configuration: $0, log: log) }
  }

  /// A client for model calls; nil without a model, since libcurl takes 3.5 MB of memory.
  /// - Throws: `HTTPLibraryError`.
  func httpClient() throws -> HTTPClient? {
    guard settings.model != nil else { return nil }
    try HTTPClient.loadLibrary()
    return HTTPClient(settings.httpClientConfiguration)
  }

  /// A connection to Redis.
  func connection(_ name: String) -> RedisConnection {
    RedisConnection(settings.redis, name: name, logger: logger)
  }

  /// Says in the log, once Redis answers, what keeps wf from working there and what makes Redis lose runs.
  func warnAboutRedis(_ connection: RedisConnection) async {
    let check = RedisCheck(
      connection: connection, partitions: partitions(connection), address: settings.redis)
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
  /// - Parameter timeout: how long a command may take, a reconnect included.
  func partitions(_ connection: RedisConnection, timeout: Duration = .seconds(5)) -> Partitions {
    Partitions(
      connection, keys: settings.keys, count: settings.partitions, limits: settings.limits, timeout: timeout)
  }
}

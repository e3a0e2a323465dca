import Curl
import Hiredis
import Logging
import OTLP
import Workflow
import WorkflowLLM
import WorkflowOperations
import WorkflowStore
import WorkflowWorker

/// Everything that can be configured, read once at the start. The page SettingsReference lists them.
struct Settings: Sendable {
  let redis: RedisAddress
  let keys: Keys
  /// Among how many partitions the runs are divided.
  let partitions: Int
  let limits: RunStore.Limits
  let worker: WorkerConfiguration
  /// Connections of nginx that the API serves at one time.
  let apiConnections: Int
  let allowsAnonymous: Bool
  /// The file with the keys of clients; nil where requests need none.
  let apiKeysFile: String?
  /// Addresses that read the metrics without a key.
  let metricsAllow: [IPAddressBlock]
  /// The key that the commands send to the API.
  let apiKey: String?
  /// The models that steps can call.
  let models: ModelSettings
  let modelLimits: ModelLimits
  let modelTotal: Duration
  let fallback: LLMSummarize.Fallback
  let usesProxyEnvironment: Bool
  /// What `http_request` may reach.
  let httpAccess: HTTPAccess
  /// What the requests of one step may take together.
  let httpTimeout: Duration
  /// How callbacks are signed and sent; nil without a secret.
  let callbacks: CallbackSettings?
  /// A file with the certificates of authorities that model calls, `http_request` and callbacks trust beside the
  /// system's.
  let authorities: String?
  let logLevel: Logger.Level
  let logFormat: LogFormat
  /// OpenTelemetry's variables for exporters, as far as they are set.
  let tracing: [String: String]
  /// The API's address: where the command line finds it, and the site whose host clients may name (`siteURL`).
  let url: String
  /// Whether somebody has set a setting; otherwise it has its default.
  func isSet(_ name: String) -> Bool { rows.contains { $0.name == name && $0.source != .fallback } }
  /// Each setting as it is in force, secrets masked.
  let rows: [SettingsReader.Row]

  /// What is wrong with the settings: one sentence each.
  struct Invalid: Error, CustomStringConvertible {
    let problems: [String]
    var description: String { problems.joined(separator: "\n") }
  }

  /// Reads the settings; a misspelt or malformed one stops the start.
  init(_ given: SettingsReader) throws(Invalid) {
    let (settings, problems) = Settings.read(given)
    guard problems.isEmpty, let settings else { throw Invalid(problems: problems) }
    self = settings
  }

  /// Reads the settings as far as they can be read, for somebody who looks for faults.
  /// - Returns: the settings, with the default in place of a malformed one, but a malformed `WF_URL` as it is; nil
  ///   without an address of Redis. And what is wrong with them.
  static func read(_ given: SettingsReader) -> (settings: Settings?, problems: [String]) {
    var reader = given
    let settings = Settings(reading: &reader)
    return (settings, reader.problems)
  }

  private init?(reading reader: inout SettingsReader) {
    let redis = Settings.redis(&reader)
    keys = Keys(prefix: reader.text("WF_KEY_PREFIX", default: "wf:") ?? "wf:")
    partitions = reader.integer("WF_PARTITIONS", default: 1, in: 1...64)
    if let redis, redis.isCluster { Settings.refuseForCluster(&reader, prefix: keys.prefix, partitions: partitions) }
    limits = Settings.limits(&reader)
    worker = Settings.worker(&reader)
    apiConnections = reader.integer("WF_API_CONNECTIONS", default: 4_096, in: 256...60_000)
    allowsAnonymous = reader.integer("WF_ALLOW_ANONYMOUS", default: 0, in: 0...1) == 1
    apiKeysFile = reader.text("WF_API_KEYS_FILE")
    metricsAllow = Settings.metricsAllow(&reader)
    apiKey = Settings.apiKey(&reader)
    models = Settings.models(&reader)
    modelLimits = Settings.modelLimits(&reader, models)
    modelTotal = reader.seconds("WF_LLM_TOTAL_S", default: 600, in: 1...86_400)
    fallback =
      reader.parsed(
        "WF_LLM_FALLBACK", default: "placeholder", LLMSummarize.Fallback.init(rawValue:),
        expected: "placeholder or fail") ?? .placeholder
    httpAccess = Settings.httpAccess(&reader)
    httpTimeout = reader.seconds("WF_HTTP_TIMEOUT_S", default: 60, in: 0.1...3_600)
    callbacks = Settings.callbacks(&reader)
    authorities = Settings.authorities(
      &reader,
      areNeeded: ["WF_MODELS_FILE", "WF_LLM_BASE_URL", "WF_HTTP_ALLOW", "WF_CALLBACK_SECRET"].contains {
        reader.isSet($0)
      })
    usesProxyEnvironment = reader.integer("WF_PROXY_ENV", default: 0, in: 0...1) == 1
    if usesProxyEnvironment { reader.showProxies() }
    (logLevel, logFormat) = Settings.log(&reader)
    tracing = Settings.tracing(&reader)
    url = Settings.url(&reader)
    reader.refuseUnknown()
    rows = reader.rows
    guard let redis else { return nil }
    self.redis = redis
  }

  /// Where the API is: what cannot be used is refused, and returned as it is.
  static func url(_ reader: inout SettingsReader) -> String {
    let url = reader.text("WF_URL", default: "http://127.0.0.1:8000") ?? ""
    if !APIClient.isUsable(url) {
      reader.refuse("WF_URL", APIClient.refusal(of: url, place: reader.place(of: "WF_URL")))
    }
    return url
  }

  private static func log(_ reader: inout SettingsReader) -> (level: Logger.Level, format: LogFormat) {
    let level = reader.parsed(
      "WF_LOG_LEVEL", default: "info", Logger.Level.init(rawValue:),
      expected: "trace, debug, info, notice, warning, error or critical")
    let format = reader.parsed(
      "WF_LOG_FORMAT", default: "text", LogFormat.init(rawValue:), expected: "text or json")
    return (level ?? .info, format ?? .text)
  }

  /// OpenTelemetry's variables are no settings of wf: `wf config` shows those that are set.
  private static func tracing(_ reader: inout SettingsReader) -> [String: String] {
    var variables: [String: String] = [:]
    for name in OTLPEndpoint.variables where reader.isSet(name) {
      variables[name] = reader.text(name, isSecret: name.hasSuffix("HEADERS"))
    }
    return variables
  }

  private static func worker(_ reader: inout SettingsReader) -> WorkerConfiguration {
    var worker = WorkerConfiguration()
    worker.runs = reader.integer("WF_WORKER_RUNS", default: 64, in: 1...10_000)
    worker.lease = reader.seconds("WF_LEASE_S", default: 15, in: 1...3_600)
    worker.drain = reader.seconds("WF_DRAIN_S", default: 30, in: 0...86_400)
    worker.maxBodyBytes = reader.bytes("WF_MAX_BODY_BYTES", default: "1MiB", in: 1_024...(64 << 20))
    worker.maxOutputBytes = reader.bytes("WF_MAX_OUTPUT_BYTES", default: "2MiB", in: 1_024...(256 << 20))
    worker.maxRunBytes = reader.bytes("WF_MAX_RUN_BYTES", default: "32MiB", in: 1_024...(256 << 20))
    worker.maxItems = reader.integer("WF_MAX_ITEMS", default: Foreach.defaultMaxItems, in: 1...100_000)
    worker.maxCostDay =
      reader.parsed("WF_MAX_COST_DAY", default: "none", CostSetting.init, expected: CostSetting.expected)?.cost
    worker.cooldown.longest = reader.seconds("WF_LLM_COOLDOWN_S", default: 30, in: 0...3_600)
    worker.cooldown.first = min(worker.cooldown.first, worker.cooldown.longest)
    worker.maxProgressEntryBytes = reader.bytes(
      "WF_MAX_PROGRESS_ENTRY_BYTES", default: "64KiB", in: 0...(256 << 20))
    return worker
  }
}

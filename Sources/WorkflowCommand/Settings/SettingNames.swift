/// The names of the settings, in the order of the table in the page SettingsReference.
enum SettingNames {
  static let all = [
    "REDIS_URL", "REDIS_PASSWORD_FILE", "REDIS_TLS_CA_FILE", "REDIS_TLS_CERT_FILE", "REDIS_TLS_KEY_FILE",
    "REDIS_SENTINEL_USERNAME", "REDIS_SENTINEL_PASSWORD", "REDIS_SENTINEL_PASSWORD_FILE", "WF_WAIT_REPLICAS",
    "WF_MODELS_FILE", "WF_LLM_BASE_URL", "WF_LLM_MODEL", "WF_LLM_API_KEY", "WF_LLM_AUTH",
    "WF_LLM_TEMPERATURE", "WF_LLM_TOKENS_PARAMETER", "WF_LLM_STREAM", "WF_LLM_CA_FILE", "WF_LLM_TIMEOUT_S",
    "WF_LLM_TOTAL_S", "WF_LLM_COOLDOWN_S", "WF_MAX_COST_DAY",
    "WF_LLM_FALLBACK", "WF_LLM_MODELS", "WF_LLM_MAX_TOKENS", "WF_PROXY_ENV", "WF_HTTP_ALLOW",
    "WF_HTTP_ALLOW_PRIVATE", "WF_HTTP_TIMEOUT_S", "WF_CALLBACK_SECRET", "WF_CALLBACK_ALLOW",
    "WF_CALLBACK_ALLOW_PRIVATE", "WF_CALLBACK_TIMEOUT_S", "WF_ALLOW_ANONYMOUS", "WF_API_KEYS_FILE", "WF_API_KEY",
    "WF_METRICS_ALLOW", "WF_API_CONNECTIONS", "WF_WORKER_RUNS", "WF_LEASE_S", "WF_DRAIN_S", "WF_RETAIN_S",
    "WF_STORE_MAX_ITEMS",
    "WF_MAX_BODY_BYTES", "WF_MAX_OUTPUT_BYTES", "WF_MAX_RUN_BYTES", "WF_MAX_PROGRESS_ENTRY_BYTES", "WF_MAX_ITEMS",
    "WF_KEY_PREFIX", "WF_PARTITIONS", "WF_LOG_LEVEL", "WF_LOG_FORMAT", "WF_URL",
  ]

  private static let places = Dictionary(uniqueKeysWithValues: all.enumerated().map { ($1, $0) })

  /// Elements in the order of the table; those of other names come last, in the order that they have.
  static func ordered<Element>(_ elements: [Element], by name: (Element) -> String) -> [Element] {
    let numbered = elements.enumerated().map { (place: places[name($1)] ?? all.count, number: $0, element: $1) }
    return numbered.sorted { ($0.place, $0.number) < ($1.place, $1.number) }.map(\.element)
  }
}

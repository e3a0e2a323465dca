import ExactJSON
import WorkflowLLM

/// Models as lines of text and as JSON; their keys are not in it, only where these are.
struct ModelTable {
  let models: ModelSettings
  private let catalog: ModelCatalog

  /// Nil where there is no model.
  init?(_ models: ModelSettings) {
    guard let catalog = models.catalog else { return nil }
    self.models = models
    self.catalog = catalog
  }

  // MARK: Text

  private static let heads = ["NAME", "CHAIN", "WIRE", "MODEL", "HOST", "KEY", "LIMITS", "PRICES"]

  /// One line a model below the heads.
  /// - Parameter width: columns of the terminal.
  func lines(width: Int) -> [String] { TextTable.lines([Self.heads] + catalog.models.map(row), width: width) }

  private func row(_ model: ModelDefinition) -> [String] {
    [
      model.name, position(of: model).map { "\($0)" } ?? "-", model.wire.rawValue, model.model,
      Self.host(of: model.baseURL), key(of: model), Self.words(Self.limits(model)), Self.words(Self.prices(model)),
    ].map(\.oneLine)
  }

  /// Its place in the chain of steps that name no model, from 1; nil where it is not in it.
  private func position(of model: ModelDefinition) -> Int? {
    catalog.defaultChain.firstIndex(of: model.name).map { $0 + 1 }
  }

  /// Where its key is, and whether it is there.
  private func key(of model: ModelDefinition) -> String {
    guard models.isFile else { return model.apiKey == nil ? "-" : "WF_LLM_API_KEY" }
    guard let key = models.keys[model.name] else { return "-" }
    return key.description + (models.missingKeys[model.name] == nil ? "" : " (missing)")
  }

  private static func words(_ members: JSONObject) -> String {
    members.isEmpty ? "-" : members.members.map { "\($0.key)=\($0.value.text)" }.joined(separator: " ")
  }

  /// The host of a URL, with its port.
  static func host(of url: String) -> String {
    let rest = url.firstRange(of: "://").map { url[$0.upperBound...] } ?? url[...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    return String(authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority)
  }

  // MARK: JSON

  /// `{"models": […], "default": […], "next_after": {…}}`, with the names of the file's members.
  var json: JSONValue {
    [
      "models": .array(catalog.models.map { .object(json(of: $0)) }),
      "default": .array(catalog.defaultChain.map(JSONValue.string)),
      "next_after": [
        "attempts": .number(JSONNumber(catalog.succession.attempts)),
        "rate_limit_s": Self.seconds(catalog.succession.longestRefusal),
      ],
    ]
  }

  private func json(of model: ModelDefinition) -> JSONObject {
    var json: JSONObject = [
      "name": .string(model.name), "wire": .string(model.wire.rawValue),
      "base_url": .string(SecretMask.url(model.baseURL)), "model": .string(model.model),
      "chain": position(of: model).map { .number(JSONNumber($0)) } ?? .null,
    ]
    switch models.keys[model.name] {
    case .environment(let name): json["api_key_env"] = .string(name)
    case .credential(let name): json["api_key_credential"] = .string(name)
    case nil: break
    }
    json["has_key"] = .bool(model.apiKey != nil)
    json["auth"] = model.keyHeader.map { .string($0.rawValue) }
    json["timeout_s"] = Self.seconds(model.timeout)
    json["idle_timeout_s"] = model.idleTimeout.map(Self.seconds)
    json["temperature"] = model.temperature.flatMap(Self.number)
    if !model.refusedParameters.isEmpty {
      json["refuses"] = .array(model.refusedParameters.sorted().map(JSONValue.string))
    }
    json["context_tokens"] = model.contextTokens.map { .number(JSONNumber($0)) }
    json["max_tokens"] = model.maxTokens.map { .number(JSONNumber($0)) }
    let (limits, prices) = (Self.limits(model), Self.prices(model))
    if !limits.isEmpty { json["limits"] = .object(limits) }
    if !prices.isEmpty { json["prices"] = .object(prices) }
    return json
  }

  private static func limits(_ model: ModelDefinition) -> JSONObject {
    let limits = [
      ("concurrent", model.limits.concurrentCalls), ("requests_min", model.limits.requestsPerMinute),
      ("tokens_min", model.limits.tokensPerMinute),
    ]
    return JSONObject(limits.compactMap { name, limit in limit.map { (name, .number(JSONNumber($0))) } })
  }

  private static func prices(_ model: ModelDefinition) -> JSONObject {
    let prices = [
      ("input", model.prices?.input), ("cached_input", model.prices?.cachedInput), ("output", model.prices?.output),
    ]
    return JSONObject(prices.compactMap { name, price in price.flatMap(number).map { (name, $0) } })
  }

  static func number(_ value: Double) -> JSONValue? {
    Int(exactly: value).map { .number(JSONNumber($0)) } ?? JSONNumber(text: "\(value)").map { .number($0) }
  }

  static func seconds(_ duration: Duration) -> JSONValue { number(duration / .seconds(1)) ?? .null }
}

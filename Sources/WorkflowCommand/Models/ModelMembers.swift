import ExactJSON
import WorkflowLLM

/// The members of a model in a file of models.
enum ModelMembers {
  private static let known =
    ["name", "wire", "base_url", "model"] + ModelKey.members + [
      "auth", "timeout_s", "idle_timeout_s", "stream", "temperature", "refuses", "context_tokens", "max_tokens",
      "limits",
      "prices",
    ]

  /// What other programs call them.
  private static let otherNames = [
    "model_name": "name", "api_base": "base_url", "url": "base_url", "endpoint": "base_url", "provider": "wire",
    "type": "wire", "timeout": "timeout_s", "stream_timeout": "idle_timeout_s", "drop_params": "refuses",
    "rpm": "limits: {\"requests_min\": …}", "tpm": "limits: {\"tokens_min\": …}",
    "max_parallel_requests": "limits: {\"concurrent\": …}", "context_window": "context_tokens",
    "max_input_tokens": "context_tokens", "max_output_tokens": "max_tokens",
    "input_cost_per_token": "prices: {\"input\": …}, per million tokens",
    "output_cost_per_token": "prices: {\"output\": …}, per million tokens",
    "litellm_params": "its members here, one by one",
  ]

  /// Parameters that a model can refuse.
  static let parameters = [
    "temperature", "max_tokens", "max_completion_tokens", "max_output_tokens", "stream", "stream_options", "system",
    "stop", "seed", "top_p", "response_format",
  ]

  /// Reads a model; nil where something that it needs is missing or wrong.
  static func read(_ model: inout MemberReader, _ defaults: ModelsFile.Defaults) -> ModelDefinition? {
    model.refuseOthers(known + ["api_key", "key", "token", "password", "bearer"], advice: otherNames)
    let name = model.text("name", isRequired: true, fault(ofName:))
    let wire = model.choice("wire", ModelDefinition.Wire.self)
    let url = model.text("base_url", isRequired: true, fault(ofURL:))
    let providerName = model.text("model", fault(ofModel:))
    var definition = ModelDefinition(
      name: name ?? "", wire: wire ?? .chatCompletions, baseURL: url ?? "", model: providerName ?? name ?? "")
    definition.keyHeader = model.choice("auth", ModelDefinition.KeyHeader.self)
    definition.timeout = model.seconds("timeout_s", in: 0.1...3_600) ?? defaults.timeout
    definition.idleTimeout = model.seconds("idle_timeout_s", in: 0.1...3_600)
    definition.streams = model.bool("stream") ?? true
    definition.refusedParameters = refused(&model)
    definition.temperature = temperature(&model, definition, defaults)
    definition.contextTokens = model.integer("context_tokens", in: 1...1_000_000_000)
    definition.maxTokens = model.integer("max_tokens", in: 1...1_000_000)
    definition.limits = limits(&model)
    definition.prices = prices(&model)
    if let most = definition.maxTokens, let context = definition.contextTokens, most > context {
      model.refuse("max_tokens", "it is above context_tokens, which is \(context)")
    }
    let isWireKnown = model["wire"] == nil || wire != nil
    if url != nil, isWireKnown, let fault = ChatModels.fault(of: definition) {
      model.refuse(fault.member, fault.sentence)
    }
    return name == nil ? nil : definition
  }

  private static func temperature(
    _ model: inout MemberReader, _ definition: ModelDefinition, _ defaults: ModelsFile.Defaults
  ) -> Double? {
    let own = model.number("temperature", in: 0...2)
    guard definition.refusedParameters.contains("temperature") else {
      // null leaves it to the model.
      return model.names.contains("temperature") ? own : defaults.temperature
    }
    if own != nil { model.refuse("temperature", "the model refuses it, as refuses says") }
    return nil
  }

  private static func refused(_ model: inout MemberReader) -> Set<String> {
    var refused: Set<String> = []
    for (index, element) in (model.array("refuses", expected: "an array of names of parameters") ?? []).enumerated() {
      let name = element.stringValue ?? ""
      if parameters.contains(name) {
        refused.insert(name)
      } else {
        let hint = EditDistance.nearest(to: name, in: parameters).map { "; did you mean \($0)?" } ?? ""
        model.refuse("refuses[\(index)]", "one of \(parameters.joined(separator: ", ")) is expected\(hint)")
      }
    }
    return refused
  }

  private static func limits(_ model: inout MemberReader) -> ModelDefinition.Limits {
    guard var members = model.object("limits") else { return ModelDefinition.Limits() }
    members.refuseOthers(
      ["concurrent", "requests_min", "tokens_min"], advice: ["rpm": "requests_min", "tpm": "tokens_min"])
    defer { model.take(members) }
    return ModelDefinition.Limits(
      concurrentCalls: members.integer("concurrent", in: 1...100_000),
      requestsPerMinute: members.integer("requests_min", in: 1...10_000_000),
      tokensPerMinute: members.integer("tokens_min", in: 1...10_000_000_000))
  }

  private static func prices(_ model: inout MemberReader) -> ModelDefinition.Prices? {
    guard var members = model.object("prices") else { return nil }
    members.refuseOthers(
      ["input", "cached_input", "output"],
      advice: ["prompt": "input", "completion": "output", "cached": "cached_input"])
    defer { model.take(members) }
    let range = 0.0...1_000_000.0
    let input = members.number("input", in: range, isRequired: true)
    let cached = members.number("cached_input", in: range)
    let output = members.number("output", in: range, isRequired: true)
    guard let input, let output else { return nil }
    return ModelDefinition.Prices(input: input, cachedInput: cached, output: output)
  }

  // MARK: Texts

  private static func fault(ofName name: String) -> String? {
    let isPlain = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: ":"), UInt8(ascii: "/"):
        true
      default: false
      }
    }
    guard isPlain, (1...64).contains(name.utf8.count) else {
      return "1 to 64 ASCII letters, digits, _, -, ., : and / are expected, not \(MemberReader.shown(name))"
    }
    return name == PlaceholderSummarizer.provider ? "\(name) is the name of the placeholder: choose another" : nil
  }

  private static func fault(ofModel name: String) -> String? {
    if name.isEmpty { return "the provider's name of the model is expected" }
    return name.unicodeScalars.contains { $0.properties.generalCategory == .control }
      ? "it holds a control character" : nil
  }

  /// A URL may hold no secret, as the file may not.
  private static func fault(ofURL url: String) -> String? {
    let shown = SettingsReader.excerpt(SecretMask.url(url))
    if url.firstRange(of: "://").map({ url[$0.upperBound...].prefix { $0 != "/" && $0 != "?" }.contains("@") }) == true
    {
      return
        "\(shown) has a user or a password, which do not belong in this file; use api_key_env or api_key_credential"
    }
    let query = url.firstIndex(of: "?").map { url[$0...].dropFirst() } ?? ""
    let names = query.split(separator: "&").map { $0.prefix { $0 != "=" }.lowercased() }
    let secret = names.first { name in ["key", "token", "secret", "sig", "password"].contains { name.hasSuffix($0) } }
    return secret.map { name in
      "\(shown): the parameter \(MemberReader.shown(name)) looks like a key, which does not belong in this file"
    }
  }
}

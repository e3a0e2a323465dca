import Curl
import Glibc
import WorkflowLLM

extension Settings {
  /// The model that the settings name; nil where they name none.
  static func model(_ reader: inout SettingsReader) -> ModelDefinition? {
    let base = reader.text("WF_LLM_BASE_URL")
    let name = trimmed(reader.text("WF_LLM_MODEL"))
    let key = trimmed(reader.text("WF_LLM_API_KEY", isSecret: true))
    let timeout = reader.seconds("WF_LLM_TIMEOUT_S", default: 60, in: 0.1...3_600)
    let scheme = reader.parsed(
      "WF_LLM_AUTH", default: "bearer", { ["bearer": .bearer, "api-key": .apiKey][$0] as ModelDefinition.KeyHeader? },
      expected: "bearer or api-key")
    let temperature = reader.parsed(
      "WF_LLM_TEMPERATURE", default: "0.2", Temperature.init, expected: "a number from 0 to 2, or none,")
    let tokens = reader.parsed(
      "WF_LLM_TOKENS_PARAMETER", default: "auto", TokensSetting.init,
      expected: "auto, max_tokens or max_completion_tokens")
    let url = base.flatMap { endpoint($0, &reader) }
    check(name: name, key: key, &reader)
    if base == nil, name != nil || key != nil {
      reader.refuse(
        "WF_LLM_BASE_URL",
        "WF_LLM_MODEL and WF_LLM_API_KEY need WF_LLM_BASE_URL, such as https://api.openai.com/v1")
    }
    if base != nil, name == nil {
      reader.refuse("WF_LLM_MODEL", "WF_LLM_BASE_URL needs WF_LLM_MODEL, the name of the model to ask for")
    }
    if url?.hasUser == true, key != nil, scheme == .bearer {
      reader.refuse(
        "WF_LLM_API_KEY",
        "WF_LLM_API_KEY and a user in WF_LLM_BASE_URL exclude each other: both are an Authorization header")
    }
    guard let base, url != nil, let name else { return nil }
    var model = ModelDefinition(name: name, wire: .chatCompletions, baseURL: base, model: name)
    model.apiKey = key
    model.timeout = timeout
    model.keyHeader = scheme
    model.temperature = temperature?.value
    model.tokensParameter = tokens?.parameter
    return model
  }

  /// A temperature, or none: the model's own.
  private struct Temperature {
    let value: Double?

    init?(_ text: String) {
      value = text == "none" ? nil : Double(text)
      guard text == "none" || value.map({ (0...2).contains($0) }) == true else { return nil }
    }
  }

  private struct TokensSetting {
    let parameter: TokensParameter?

    init?(_ text: String) {
      parameter = TokensParameter(rawValue: text)
      guard text == "auto" || parameter != nil else { return nil }
    }
  }

  private static func endpoint(_ base: String, _ reader: inout SettingsReader) -> WireURL? {
    do {
      return try WireURL(base: base, wire: .chatCompletions)
    } catch {
      reader.refuse("WF_LLM_BASE_URL", "WF_LLM_BASE_URL=\(SettingsReader.excerpt(SecretMask.url(base))): \(error)")
      return nil
    }
  }

  /// Refuses what no call could carry.
  private static func check(name: String?, key: String?, _ reader: inout SettingsReader) {
    if let name, name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      reader.refuse("WF_LLM_MODEL", "WF_LLM_MODEL: it holds a control character")
    }
    if let key, let fault = fault(ofKey: key) { reader.refuse("WF_LLM_API_KEY", "WF_LLM_API_KEY: \(fault)") }
  }

  /// What is wrong with a key that is to be sent in a header.
  static func fault(ofKey key: String) -> String? {
    if key.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) { return nil }
    let hint = key.hasPrefix("Bearer ") ? "; leave out Bearer" : ""
    return "it holds a blank, a line break or another character that no key has\(hint)"
  }

  /// A text without white space at its ends; nil for nothing else.
  static func trimmed(_ text: String?) -> String? {
    guard let text else { return nil }
    let scalars = text.unicodeScalars
    let isBlank = { (scalar: Unicode.Scalar) in scalar.properties.isWhitespace }
    guard let first = scalars.firstIndex(where: { !isBlank($0) }), let last = scalars.lastIndex(where: { !isBlank($0) })
    else { return nil }
    return String(scalars[first...last])
  }

  /// How model calls go out.
  var httpClientConfiguration: HTTPClientConfiguration {
    HTTPClientConfiguration(proxy: usesProxyEnvironment ? .environment : .none, authoritiesFile: authorities)
  }

  /// The file with the certificates of further authorities: of wf's own setting, or of the variables that OpenSSL and
  /// curl obey.
  /// - Parameter areNeeded: whether there is anything to call; otherwise a file that is missing stops nothing.
  static func authorities(_ reader: inout SettingsReader, areNeeded: Bool) -> String? {
    for name in ["WF_LLM_CA_FILE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"] {
      guard let path = reader.text(name) else { continue }
      let text = (try? Files.read(path)).map { String(decoding: $0, as: UTF8.self) }
      if areNeeded, text?.contains("-----BEGIN") != true {
        let shown = SettingsReader.excerpt(path)
        reader.refuse(
          "WF_LLM_CA_FILE", "\(name)=\(shown): a file of certificates in PEM is expected, which wf may read")
      }
      return path
    }
    return nil
  }
}

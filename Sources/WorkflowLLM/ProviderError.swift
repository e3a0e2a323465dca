import Curl
import ExactJSON

/// The error of a provider or gateway, in any of their formats: `error.message` (OpenAI), `error` as a text, `message`
/// as a text (vLLM) or around a list (Mistral), `detail` as a text or a list (FastAPI), `errors` as a list
/// (Cloudflare), `error.metadata.raw` (OpenRouter), an array around the error (Google), an HTML page or plain text.
struct ProviderError: Equatable {
  /// The provider's message in one line of at most 300 scalars, without the key; empty if there is none.
  private(set) var words = ""
  /// All texts of the error in lower case, uncut and with the key: to recognise what is refused, never for the log.
  private(set) var complaint: [UInt8] = []
  /// The error codes, such as `unsupported_parameter` and `invalid_request_error`, in lower case.
  private(set) var codes: [String] = []
  /// The parameter that is refused.
  private(set) var parameter: String?
  /// The status in the body, beside the HTTP status.
  private(set) var status: Int?

  /// Reads the body of an error response: JSON, HTML or text.
  /// - Parameter key: removed from the message if the provider quotes it.
  init(in response: HTTPResponse, hiding key: String?) {
    if let value = try? JSONValue(leniently: response.body) {
      self.init(value, hiding: key)
    } else {
      self.init(.null, hiding: key)
      words = ProviderText.line(ofPage: response.body, hiding: key)
      complaint = ProviderText.lowercased(response.body)
    }
  }

  /// Reads an error object, or a body that may contain one.
  init(_ value: JSONValue, hiding key: String?) {
    // Some send an array that contains the error.
    let body = (value.arrayValue?.first ?? value).objectValue
    let error = body?["error"]?.objectValue ?? body ?? JSONObject()
    let said =
      ProviderText.sentence(error["message"]) ?? ProviderText.sentence(body?["error"])
      ?? ProviderText.sentence(body?["message"]) ?? ProviderText.sentence(error["detail"] ?? body?["detail"])
      ?? ProviderText.sentence(error["errors"] ?? body?["errors"])
      ?? (body?["errors"] ?? body?["error"]).map { ProviderText.texts(in: $0).joined(separator: "; ") }
      ?? value.stringValue ?? ""
    // What the provider behind a gateway has said.
    let raw = ProviderText.sentence(error["metadata"]?.objectValue?["raw"])
    let inner = raw.flatMap { said.contains($0) ? nil : ": \($0)" }
    words = ProviderText.line(said + (inner ?? ""), hiding: key)
    complaint = ProviderText.lowercased(Array(ProviderText.texts(in: value).joined(separator: "\n").utf8))
    codes = ["code", "type", "status"].compactMap { error[$0]?.stringValue?.lowercased() }
    parameter = error["param"]?.stringValue
    let numbers = ["code", "status", "status_code"].compactMap { Self.status(error[$0]) }
    status = numbers.first ?? statusOfCodes
  }

  private static func status(_ value: JSONValue?) -> Int? {
    (value?.numberValue?.int ?? value?.stringValue.flatMap { Int($0) }).flatMap { (400...599).contains($0) ? $0 : nil }
  }

  private var statusOfCodes: Int? {
    func names(_ parts: [String]) -> Bool { codes.contains { code in parts.contains { code.contains($0) } } }
    if names(["rate_limit", "ratelimit", "throttl", "resource_exhausted", "too_many"]) || isSpentQuota { return 429 }
    if names(["overloaded"]) { return 529 }
    if names(["invalid", "unsupported", "authentication", "permission", "not_found", "context_length", "policy"]) {
      return 400
    }
    return nil
  }

  /// The status of the error that a server has answered with 500 in place of, by what it says; nil if it says nothing
  /// of the kind. llama-stack quotes its provider so, as OpenAI's client for Python words it.
  var hiddenStatus: Int? {
    if let status, status != 500 { return status }
    let words = Array("error code: ".utf8)
    guard let range = complaint.firstRange(of: words) else { return nil }
    return Self.status(.string(String(decoding: complaint[range.upperBound...].prefix(3), as: UTF8.self)))
  }

  /// Whether a filter has refused the prompt, for whose reading Azure charges although it answers 400.
  var isFiltered: Bool { codes.contains { $0.contains("content_filter") } }

  /// Whether the quota is exhausted: a 429 that is not transient.
  var isSpentQuota: Bool { codes.contains { Self.spentQuotas.contains($0) } }

  /// As OpenAI, Moonshot and DeepSeek name it.
  private static let spentQuotas = [
    "insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "exceeded_current_quota_error",
    "insufficient_balance",
  ]
}

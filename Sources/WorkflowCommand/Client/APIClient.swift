import Curl
import ExactJSON
import WorkflowAPI

/// The API as the command line sees it: over HTTP, like any other client.
struct APIClient: Sendable {
  /// Bytes of an error's text that are read.
  private static let longestError = 64 << 10

  /// Where the API is, and what it lets in.
  struct Access: Sendable {
    /// Scheme, host and port, and the path before the API's own paths if there is one.
    let url: String
    /// A key of the API, if there is one.
    var key: String?
  }

  private let client: HTTPClient
  private let url: String
  private let authorization: [HTTPHeader]

  /// The URL as it may be shown.
  private var shown: String { SecretMask.url(url) }

  init(_ access: Access) throws {
    let url = access.url
    guard APIClient.isUsable(url) else { throw CommandFailure(APIClient.refusal(of: url), code: .configuration) }
    try HTTPClient.loadLibrary()
    if access.key != nil, let refusal = APIClient.refusalToSendKey(to: url) {
      throw CommandFailure(refusal, code: .configuration)
    }
    authorization = access.key.map { [(name: "Authorization", value: "Bearer \($0)")] } ?? []
    client = HTTPClient(.init(userAgent: "wf"))
    self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
  }

  /// Why a key is not sent to a URL; nil where it may be.
  static func refusalToSendKey(to url: String) -> String? {
    let shown = SettingsReader.excerpt(SecretMask.url(url))
    guard let place = try? HTTPURL(url) else {
      return """
        WF_URL=\(shown): no host, or a user beside it, which excludes WF_API_KEY: both are an Authorization header
        """
    }
    if place.isSecure || HostName.isLoopback(place.host) { return nil }
    return """
      WF_API_KEY is not sent to \(shown): without TLS everybody on the way can read it. Use https://, or a tunnel to \
      127.0.0.1
      """
  }

  /// Whether the API's paths can be put behind a URL.
  static func isUsable(_ url: String) -> Bool {
    let rest = ["http://", "https://"].first { url.hasPrefix($0) }.map { url.utf8.dropFirst($0.utf8.count) }
    guard let rest, let first = rest.first, first != UInt8(ascii: "/") else { return false }
    return rest.allSatisfy { $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
  }

  /// What is wrong with a URL that is not usable.
  /// - Parameter place: where it was found, with a blank before it.
  static func refusal(of url: String, place: String = "") -> String {
    """
    WF_URL=\(SettingsReader.excerpt(SecretMask.url(url)))\(place): http:// or https:// and a host are expected, \
    without blanks, query and fragment
    """
  }

  /// Submits a body.
  /// - Parameter key: the `Idempotency-Key`, by which the API knows a repeated submission.
  /// - Returns: the job's id.
  func submit(_ body: [UInt8], key: String) async throws -> String {
    let request = HTTPRequest(
      method: "POST", url: url + "/workflow/run",
      headers: [("Content-Type", "application/json"), ("Idempotency-Key", key)], body: body,
      timeout: .seconds(30))
    let answer = try await send(request).object
    guard let job = answer["job_id"]?.stringValue else {
      throw CommandFailure("\(shown) did not answer as wf does", code: .unavailable)
    }
    return job
  }

  /// A status, and when it was sent, by the server's clock.
  struct Status: Sendable {
    let object: JSONObject
    /// Seconds since 1970; nil when the answer has no date.
    let serverTime: Int?
  }

  /// Reads the status of a job.
  func status(of job: String) async throws -> Status {
    let answer = try await send(
      HTTPRequest(url: statusURL(of: job), timeout: .seconds(30), maxResponseBytes: 1 << 30))
    return Status(object: answer.object, serverTime: answer.response.header("Date").flatMap(HTTPDate.seconds))
  }

  /// The runs that took down too many workers.
  func deadLetters(limit: Int) async throws -> JSONObject {
    try await send(HTTPRequest(url: "\(url)/status?dead=1&limit=\(limit)", timeout: .seconds(30))).object
  }

  /// Opens the event stream of a job, after the event that was seen last.
  /// - Returns: the stream; nil when the run has ended and every event of it was sent before.
  func events(of job: String, after last: String?) async throws -> HTTPBody? {
    let headers = last.map { [(name: "Last-Event-ID", value: $0)] } ?? []
    let request = HTTPRequest(
      url: statusURL(of: job) + "/events", headers: headers, timeout: .seconds(86_400), maxResponseBytes: 1 << 40)
    do {
      let response = try await client.stream(authorized(request))
      if response.status == 204 { return nil }
      if response.status == 200, response.header("Content-Type")?.hasPrefix("text/event-stream") == true {
        return response.body
      }
      var text: [UInt8] = []
      var pieces = response.body.makeAsyncIterator()
      while text.count < APIClient.longestError, let piece = try await pieces.next() { text += piece }
      throw failure(HTTPResponse(status: response.status, headers: response.headers, body: text))
    } catch let error as HTTPError {
      throw failure(error)
    }
  }

  private func statusURL(of job: String) -> String { "\(url)/status/\(APIClient.escaped(job))" }

  /// A text as a segment of a path.
  static func escaped(_ text: String) -> String {
    text.utf8.map { byte -> String in
      let isPlain = byte.isASCIILetterOrDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
      return isPlain ? String(UnicodeScalar(byte)) : "%" + String(Int(byte) + 256, radix: 16).dropFirst().uppercased()
    }.joined()
  }

  /// The answer to a request for the health of the API.
  struct Health: Sendable {
    let status: Int
    /// Empty when the answer is not wf's.
    let facts: JSONObject
    /// Whether the API wants a key, or another one.
    var needsKey = false
  }

  /// Asks how the API is.
  /// - Parameter timeout: while Redis does not answer, the API says so after some 5 s.
  func health(timeout: Duration = .seconds(5)) async throws(HTTPError) -> Health {
    let request = HTTPRequest(url: url + "/status/health", connectTimeout: .seconds(1), timeout: timeout)
    let response = try await client.send(authorized(request))
    return Health(
      status: response.status, facts: (try? JSONValue(parsing: response.body))?.objectValue ?? JSONObject(),
      needsKey: response.status == 401 && response.header("WWW-Authenticate")?.hasPrefix("Bearer ") == true)
  }

  /// Whether the API accepts runs and as many workers as wanted are alive. One that wants another key does not say.
  func isReady(workers: Int) async -> Bool {
    guard let health = try? await health() else { return false }
    let facts = health.facts
    return health.needsKey || facts["redis"] == "ok" && (facts["workers"]?.numberValue?.int ?? 0) >= workers
  }

  /// Sends a request to a path of the API.
  /// - Returns: the answer; empty when it has no body.
  func send(
    _ method: String, _ path: String, headers: [HTTPHeader] = [], body: [UInt8]? = nil,
    maxResponseBytes: Int = 10 << 20
  ) async throws -> JSONObject {
    try await send(
      HTTPRequest(
        method: method, url: url + path, headers: headers, body: body, timeout: .seconds(30),
        maxResponseBytes: maxResponseBytes)
    ).object
  }

  private func authorized(_ request: HTTPRequest) -> HTTPRequest {
    var request = request
    request.headers += authorization
    return request
  }

  private func send(_ request: HTTPRequest) async throws -> (object: JSONObject, response: HTTPResponse) {
    let response: HTTPResponse
    do { response = try await client.send(authorized(request)) } catch { throw failure(error) }
    if response.status == 204 { return (JSONObject(), response) }
    guard (200..<300).contains(response.status),
      let object = (try? JSONValue(deeply: response.body))?.objectValue
    else { throw failure(response) }
    return (object, response)
  }

  /// There is no answer.
  func failure(_ error: HTTPError) -> CommandFailure {
    CommandFailure(
      "\(shown): \(error) \(APIClient.remedy(for: error))", code: .unavailable, isTransient: error.isTransient)
  }

  /// What to do about a request that got no answer.
  static func remedy(for error: HTTPError) -> String {
    switch error {
    case .untrusted(let reason) where reason.contains("subject name"):
      "WF_URL must have a host name that the certificate is for."
    case .untrusted(let reason) where reason.contains("expired") || reason.contains("not yet valid"):
      "Renew the certificate, or set this host's clock."
    case .untrusted:
      """
      Put the certificate of the authority that signed it into /usr/local/share/ca-certificates, as a .crt file, and run \
      update-ca-certificates.
      """
    case .tlsFailed: "WF_URL begins with http:// where the server has no TLS."
    default: "Is wf running there? WF_URL names another place."
    }
  }

  /// An answer that is not the one that was asked for. One without wf's form comes from another server.
  private func failure(_ response: HTTPResponse) -> CommandFailure {
    let status = response.status
    let isTransient = [408, 429, 502, 503, 504].contains(status)
    let retryAfter = response.header("Retry-After").flatMap { UInt16($0) }.map { Duration.seconds($0) }
    if let detail = (try? JSONValue(parsing: response.body))?.objectValue?["detail"], !(200..<300).contains(status) {
      return CommandFailure(status, detail, isTransient: isTransient, retryAfter: retryAfter)
    }
    return CommandFailure(
      "\(shown) answered \(status), but not as wf does. Is wf running there? WF_URL names another place.",
      code: .unavailable, isTransient: isTransient, retryAfter: retryAfter)
  }
}

extension UInt8 {
  fileprivate var isASCIILetterOrDigit: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}

extension CommandFailure {
  /// An answer that is not 2xx, with each fault of a body on a separate line.
  fileprivate init(_ status: Int, _ detail: JSONValue, isTransient: Bool, retryAfter: Duration?) {
    let code: Code =
      switch status {
      case 401, 403: .noPermission
      case 404: .noInput
      case 413, 415, 422: .dataError
      case 429: .temporary
      case 500...: .unavailable
      default: .failed
      }
    let faults = detail.arrayValue?.compactMap(\.objectValue).map { fault in
      let place = fault["loc"]?.arrayValue?.map { $0.stringValue ?? $0.text }.joined(separator: ".") ?? ""
      return "\n  \(place): \(fault["msg"]?.stringValue ?? "")"
    }
    self.init(
      faults.map { "the request was refused:" + $0.joined() } ?? detail.stringValue ?? "the answer was \(status)",
      code: code, isTransient: isTransient, retryAfter: retryAfter)
  }
}

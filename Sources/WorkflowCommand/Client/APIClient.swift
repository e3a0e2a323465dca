import Curl
import ExactJSON

/// The API as the command line sees it: over HTTP, like any other client.
struct APIClient: Sendable {
  private let client = HTTPClient(.init(userAgent: "wf"))
  private let url: String

  /// - Parameter url: scheme, host and port.
  init(url: String) throws {
    guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
      throw CommandFailure("WF_URL=\(url): a URL with http:// or https:// is expected", code: .configuration)
    }
    self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
  }

  /// Submits a body.
  /// - Returns: the job's id.
  func submit(_ body: [UInt8]) async throws -> String {
    let request = HTTPRequest(
      method: "POST", url: url + "/workflow/run", headers: [("Content-Type", "application/json")], body: body,
      timeout: .seconds(30))
    let answer = try await send(request)
    guard let job = answer["job_id"]?.stringValue else {
      throw CommandFailure("\(url) did not answer as wf does", code: .unavailable)
    }
    return job
  }

  /// Reads the status of a job.
  func status(of job: String) async throws -> JSONObject {
    try await send(HTTPRequest(url: statusURL(of: job), timeout: .seconds(30), maxResponseBytes: 1 << 30))
  }

  /// The runs that took down too many workers.
  func deadLetters(limit: Int) async throws -> JSONObject {
    try await send(HTTPRequest(url: "\(url)/status?dead=1&limit=\(limit)", timeout: .seconds(30)))
  }

  /// Opens the event stream of a job, after the event that was seen last.
  func events(of job: String, after last: String?) async throws(HTTPError) -> HTTPStreamingResponse {
    let headers = last.map { [(name: "Last-Event-ID", value: $0)] } ?? []
    return try await client.stream(
      HTTPRequest(
        url: statusURL(of: job) + "/events", headers: headers, timeout: .seconds(86_400), maxResponseBytes: 1 << 40))
  }

  private func statusURL(of job: String) -> String {
    let escaped = job.utf8.map { byte -> String in
      let isPlain = byte.isASCIILetterOrDigit || byte == UInt8(ascii: "-")
      return isPlain ? String(UnicodeScalar(byte)) : "%" + String(Int(byte) + 256, radix: 16).dropFirst().uppercased()
    }
    return "\(url)/status/\(escaped.joined())"
  }

  /// Whether the API accepts runs and as many workers as wanted are alive.
  func isReady(workers: Int) async -> Bool {
    let request = HTTPRequest(url: url + "/status/health", connectTimeout: .seconds(1), timeout: .seconds(5))
    guard let response = try? await client.send(request),
      let facts = (try? JSONValue(parsing: response.body))?.objectValue
    else { return false }
    return facts["redis"] == "ok" && (facts["workers"]?.numberValue?.int ?? 0) >= workers
  }

  private func send(_ request: HTTPRequest) async throws -> JSONObject {
    let response: HTTPResponse
    do {
      response = try await client.send(request)
    } catch {
      throw CommandFailure("\(url): \(error) Is wf running there? WF_URL names another place.", code: .unavailable)
    }
    let depth = JSONValue.permittedDepths.upperBound
    guard let object = (try? JSONValue(parsing: response.body, maximumDepth: depth))?.objectValue else {
      throw CommandFailure("\(url) answered \(response.status) without JSON", code: .unavailable)
    }
    guard (200..<300).contains(response.status) else { throw CommandFailure(response.status, object["detail"]) }
    return object
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
  /// An answer that is not 2xx, with each fault of a body on a line of its own.
  init(_ status: Int, _ detail: JSONValue?) {
    let code: Code =
      switch status {
      case 404: .noInput
      case 413, 415, 422, 409: .dataError
      case 500...: .unavailable
      default: .failed
      }
    let faults = detail?.arrayValue?.compactMap(\.objectValue).map { fault in
      let place = fault["loc"]?.arrayValue?.map { $0.stringValue ?? $0.text }.joined(separator: ".") ?? ""
      return "\n  \(place): \(fault["msg"]?.stringValue ?? "")"
    }
    self.init(
      faults.map { "the body was refused:" + $0.joined() } ?? detail?.stringValue ?? "the answer was \(status)",
      code: code)
  }
}

public import Curl
import ExactJSON
import Tracing
public import Workflow

/// `http_request`: sends a request to a host that the operator allows, and returns the response.
public struct SendHTTPRequest: Operation {
  /// Is given the job, the step and the failure.
  public typealias Log = @Sendable (_ job: String, _ step: String, HTTPRequestFailure) -> Void

  /// The operation's name.
  public let name = "http_request"
  /// `url`, `method`, `headers`, `query`, `body`, `expect`, `max_bytes`.
  public let parameters: ParameterSchema

  private let client: HTTPClient?
  private let access: HTTPAccess
  private let timeout: Duration
  private let room = ResponseRoom(bytes: SendHTTPRequest.responseBytes)
  private let log: Log?

  /// Bytes of a URL at most.
  static let longestURL = 8_192

  /// Bytes that the responses of all steps take at most while they are read, those of up to 64 KiB not counted.
  static let responseBytes = 64 << 20

  /// Creates the operation; without arguments it refuses every request.
  /// - Parameters:
  ///   - client: sends the requests (``client(_:)``); nil where the operation is not executed.
  ///   - access: what may be reached; checked at submission, when a step starts, and at every redirect.
  ///   - timeout: what the requests of a step may take together.
  ///   - log: receives each failure with what only the operator may see.
  public init(
    client: HTTPClient? = nil, access: HTTPAccess = HTTPAccess(), timeout: Duration = .seconds(60), log: Log? = nil
  ) {
    self.client = client
    self.access = access
    self.timeout = timeout
    self.log = log
    let url = ParameterSchema.ValueCheck("url") { value in
      do throws(HTTPURLError) {
        _ = try access.url(value.stringValue ?? "")
        return nil
      } catch {
        return error.description
      }
    }
    parameters = ParameterSchema(
      [
        .init(
          required: "url", .checked(.string(maxScalars: SendHTTPRequest.longestURL), url),
          summary: "the URL, of a host that the operator allows (`WF_HTTP_ALLOW`)"),
        .init(
          "method", .oneOf(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]), default: "GET", summary: "the method"),
        .init("headers", .checked(.object, HTTPStepHeaders.check), summary: "headers, an object of strings"),
        .init("query", .checked(.object, HTTPQuery.check), summary: "what is added to the query of the URL"),
        .init("body", .any, summary: "the body: a string as it is, any other value as JSON"),
        .init(
          "expect", .checked(.array, ExpectedStatuses.check),
          summary: "statuses with which the step succeeds, such as `[200, \"4xx\"]`"),
        .init("max_bytes", .integer(1...(256 << 20)), summary: "the largest body of a response"),
      ], rules: [.absent("body", where: "method", is: "HEAD")])
  }

  /// A client for the requests. It opens connections only to addresses that `access` allows, and uses no proxy: the
  /// address of a connection would be the proxy's.
  public static func client(
    _ access: HTTPAccess, authoritiesFile: String? = nil, userAgent: String? = nil
  ) -> HTTPClient {
    HTTPClient(
      HTTPClientConfiguration(
        proxy: .none, authoritiesFile: authoritiesFile,
        userAgent: userAgent, allowsAddress: { access.allows($0) }))
  }

  /// Returns `status`, `headers`, `body` or `body_base64`, and `json` where the body is JSON.
  public func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    do throws(HTTPExchangeError) {
      var exchange = try exchange(invocation)
      let outputs = HTTPOutputs.outputs(of: try await exchange.response())
      return withExtendedLifetime(exchange) { .outputs(outputs) }
    } catch {
      switch error {
      case .cancelled: throw .cancelled
      case .failed(let failure):
        log?(invocation.job, invocation.step, failure)
        throw .failed(failure.stepFailure)
      }
    }
  }

  /// - Throws: the fault of a parameter as the failure.
  private func exchange(_ invocation: Invocation) throws(HTTPExchangeError) -> HTTPExchange {
    do throws(HTTPParameterError) {
      return try checkedExchange(invocation)
    } catch {
      throw .failed(HTTPRequestFailure(.operationFailed, error.description))
    }
  }

  private func checkedExchange(_ invocation: Invocation) throws(HTTPParameterError) -> HTTPExchange {
    let params = invocation.params
    let url = try url(params)
    guard let client else { throw HTTPParameterError("http_request has no client here") }
    var headers = try HTTPStepHeaders(params["headers"])
    headers.add("Idempotency-Key", invocation.idempotencyKey)
    let body = SendHTTPRequest.body(params["body"], &headers)
    let own = params["max_bytes"]?.numberValue?.int ?? .max
    let limit = invocation.outputLimit
    var exchange = HTTPExchange(
      client, room, access, expected: try ExpectedStatuses(params["expect"]), timeout: timeout,
      limit: own < limit.bytes ? (own, "max_bytes") : (limit.bytes, limit.setting),
      method: params["method"]?.stringValue ?? "GET", url: url, headers: headers, body: body)
    exchange.trace = invocation.trace
    return exchange
  }

  private func url(_ params: JSONObject) throws(HTTPParameterError) -> HTTPURL {
    do throws(HTTPURLError) {
      let url = try access.url(params["url"]?.stringValue ?? "")
      guard let query = params["query"]?.objectValue else { return url }
      return try HTTPURL(HTTPQuery.url(url, adding: query, atMost: SendHTTPRequest.longestURL))
    } catch {
      throw HTTPParameterError("url: \(error)")
    }
  }

  /// A string as it is; any other value as compact JSON, which the headers then say. Null is no body.
  private static func body(_ value: JSONValue?, _ headers: inout HTTPStepHeaders) -> [UInt8]? {
    guard let value, value != .null else { return nil }
    if let text = value.stringValue { return Array(text.utf8) }
    headers.add("Content-Type", "application/json")
    return value.bytes
  }
}

/// A request that has arrived completely.
///
/// It is a copy: it stays valid after the answer is out.
public struct FastCGIRequest: Sendable {
  /// The method as the client sent it, in upper case: `GET`.
  public let method: String
  /// The path of the request line without its query, percent-encoding kept; `/` when there is none.
  public let path: String
  /// What stands behind the first `?` of the request line, percent-encoding kept; empty when nothing does.
  public let query: String
  /// The body, already read to its end.
  public let body: FastCGIBody
  private let parameters: RequestParameters

  /// A request that no peer sent, for a test of a handler.
  ///
  /// - Parameters:
  ///   - target: path and query, as in a request line
  ///   - parameters: further FastCGI parameters, such as `REMOTE_ADDR`
  public init(
    method: String, target: String, headers: [String: String] = [:], parameters: [String: String] = [:],
    body: FastCGIBody = .complete([])
  ) {
    var all = parameters
    for (name, value) in headers { all[RequestParameters.name(ofHeader: name)] = value }
    all["REQUEST_METHOD"] = method
    all["REQUEST_URI"] = target
    self.init(parameters: RequestParameters(all), body: body)
  }

  /// A request as the web server described it.
  init(parameters: RequestParameters, body: FastCGIBody) {
    self.parameters = parameters
    self.body = body
    method = parameters["REQUEST_METHOD"] ?? "GET"
    let given = parameters["REQUEST_URI"] ?? parameters["DOCUMENT_URI"] ?? parameters["SCRIPT_NAME"] ?? ""
    let target = FastCGIRequest.originForm(given)
    let end = target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
    path = end == target.startIndex ? "/" : String(target[..<end])
    query = String(Substring(target.utf8[end...].dropFirst()))
  }

  /// A request target without scheme and authority (RFC 9112, section 3.2), which Apache passes on where a client sent
  /// them.
  private static func originForm(_ target: String) -> Substring {
    if target.utf8.first == UInt8(ascii: "/") { return target[...] }
    guard let scheme = target.firstRange(of: "://"),
      ["http", "https"].contains(target[..<scheme.lowerBound].lowercased())
    else { return target[...] }
    return target[scheme.upperBound...].drop { $0 != "/" && $0 != "?" }
  }

  /// The value of a header of the client's, its name in any case; nil when the client did not send it.
  ///
  /// Bytes that are not UTF-8 come as U+FFFD.
  public func header(_ name: String) -> String? {
    let parameter = RequestParameters.name(ofHeader: name)
    let value = parameters[parameter]
    // Web servers pass these two on even when the client sent none.
    let isAlwaysThere = parameter == "CONTENT_TYPE" || parameter == "CONTENT_LENGTH"
    return isAlwaysThere && value == "" ? nil : value
  }

  /// The value of a FastCGI parameter such as `REMOTE_ADDR`, its name in the web server's spelling.
  public func parameter(_ name: String) -> String? { parameters[name] }
}

/// The body of a request.
public enum FastCGIBody: Sendable, Equatable {
  /// All of it.
  case complete([UInt8])
  /// It was longer than this many bytes, and has been thrown away.
  case tooLarge(limit: Int)
}

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
  ///   - headers: a name may come more than once
  ///   - parameters: further FastCGI parameters, such as `REMOTE_ADDR`
  public init(
    method: String, target: String, headers: KeyValuePairs<String, String> = [:],
    parameters: KeyValuePairs<String, String> = [:], body: FastCGIBody = .complete([])
  ) {
    let line = [("REQUEST_METHOD", method), ("REQUEST_URI", target)]
    let all =
      line + parameters.map { ($0.key, $0.value) }
      + headers.map { (RequestParameters.name(ofHeader: $0.key), $0.value) }
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
    for scheme in ["http://", "https://"] {
      let start = target.utf8.prefix(scheme.utf8.count).map { $0 | 0x20 }
      guard start.elementsEqual(scheme.utf8.map { $0 | 0x20 }) else { continue }
      let rest = target.utf8.dropFirst(start.count)
      return Substring(rest.drop { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") })
    }
    return target[...]
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

  /// Every value of a header that the client sent more than once, in order; most web servers join them with commas
  /// instead.
  public func headers(_ name: String) -> [String] { parameters.values(of: RequestParameters.name(ofHeader: name)) }

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

/// A complete request. It is a copy and stays valid after the response was sent.
public struct FastCGIRequest: Sendable {
  /// The method as the client sent it, in upper case: `GET`.
  public let method: String
  /// The path of the request line without its query, percent-encoding kept; `/` when there is none.
  public let path: String
  /// The query of the request line, after the first `?`, percent-encoding kept; empty when there is none.
  public let query: String
  /// The body.
  public let body: FastCGIBody
  private let parameters: RequestParameters

  /// Creates a request, to test a handler without a web server.
  /// - Parameters:
  ///   - target: path and query, as in a request line.
  ///   - headers: a name may occur more than once.
  ///   - parameters: further FastCGI parameters, such as `REMOTE_ADDR`.
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

  /// A request that a web server sent.
  init(parameters: RequestParameters, body: FastCGIBody) {
    self.parameters = parameters
    self.body = body
    method = parameters["REQUEST_METHOD"] ?? "GET"
    let given = parameters["REQUEST_URI"] ?? parameters["DOCUMENT_URI"] ?? parameters["SCRIPT_NAME"] ?? ""
    let target = Self.originForm(given)
    let end = target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex
    path = end == target.startIndex ? "/" : String(target[..<end])
    query = String(Substring(target.utf8[end...].dropFirst()))
  }

  /// The request target without scheme and authority (RFC 9112, section 3.2), which Apache passes on if a client sent
  /// them.
  private static func originForm(_ target: String) -> Substring {
    if target.utf8.first == UInt8(ascii: "/") { return target[...] }
    for scheme in ["http://", "https://"] {
      let start = target.utf8.prefix(scheme.utf8.count).map { $0 | 0x20 }
      guard start.elementsEqual(scheme.utf8.map { $0 | 0x20 }) else { continue }
      let rest = target.utf8.dropFirst(start.count)
      return Substring(rest.drop { $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "?") })
    }
    return target[...]
  }

  /// The value of a request header, its name in any case; nil when the client did not send it.
  ///
  /// Bytes that are not UTF-8 are replaced by U+FFFD.
  public func header(_ name: String) -> String? {
    let parameter = RequestParameters.name(ofHeader: name)
    let value = parameters[parameter]
    // Web servers pass these two on even when the client sent neither.
    let isAlwaysSet = parameter == "CONTENT_TYPE" || parameter == "CONTENT_LENGTH"
    return isAlwaysSet && value == "" ? nil : value
  }

  /// All values of a header, in order. Most web servers join repeated headers with commas instead of repeating them.
  public func headers(_ name: String) -> [String] { parameters.values(of: RequestParameters.name(ofHeader: name)) }

  /// The value of a FastCGI parameter such as `REMOTE_ADDR`, its name spelled as the web server spells it.
  public func parameter(_ name: String) -> String? { parameters[name] }
}

/// The body of a request.
public enum FastCGIBody: Sendable, Equatable {
  /// The whole body.
  case complete([UInt8])
  /// The body was longer than `limit` bytes and was discarded.
  case tooLarge(limit: Int)
}

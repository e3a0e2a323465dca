import ExactJSON
import FastCGI
import Workflow

/// The body of a request that must be JSON.
enum JSONBody {
  /// Refuses a body that its headers call something else than JSON.
  static func checkHeaders(of request: FastCGIRequest) throws(APIError) {
    try checkContentEncoding(request)
    try checkContentType(request)
  }

  /// Refuses what a browser sends for a page of another site. It sends a request without a body wherever it is told to.
  static func checkSite(of request: FastCGIRequest) throws(APIError) {
    if isOfAnotherSite(request) { throw .forbidden("this request comes from a page of another site") }
  }

  /// The bytes of the body.
  static func bytes(of request: FastCGIRequest) throws(APIError) -> [UInt8] {
    switch request.body {
    case .tooLarge(let limit): throw .tooLarge(limit: limit)
    case .complete([]):
      throw .invalid([ValidationFault("missing", [.key("body")], "Field required; the body is empty", input: .null)])
    case .complete(let bytes): return bytes
    }
  }

  /// The refusal of a body that is no JSON.
  static func refusal(_ error: JSONError, of bytes: some Collection<UInt8>) -> APIError {
    let location: ValidationFault.Location = [.key("body"), .index(error.offset)]
    let message = "JSON decode error: \(place(of: error, in: bytes)): \(error)"
    return .invalid([ValidationFault("json_invalid", location, message, input: [:])])
  }

  /// Where in a text an error is, as an editor shows it: lines and columns from 1, columns in Unicode scalars.
  static func place(of error: JSONError, in text: some Collection<UInt8>) -> String {
    var (line, column) = (1, 1)
    for byte in text.prefix(error.offset) {
      if byte == UInt8(ascii: "\n") {
        (line, column) = (line + 1, 1)
      } else if byte & 0xc0 != 0x80 {
        column += 1
      }
    }
    return "line \(line), column \(column)"
  }

  private static func checkContentEncoding(_ request: FastCGIRequest) throws(APIError) {
    guard let coding = request.header("Content-Encoding") else { return }
    guard ["", "identity"].contains(where: coding.matchesIgnoringCase) else {
      throw .unsupportedEncoding(coding.printable)
    }
  }

  private static func checkContentType(_ request: FastCGIRequest) throws(APIError) {
    guard let header = request.header("Content-Type") else {
      // A page of another site can make a browser send a body without a type, but JSON only if this API agreed (CORS).
      guard !isOfAnotherSite(request) else {
        throw .unsupportedMediaType("what a browser sends for another site without a Content-Type")
      }
      return
    }
    guard MediaType.isJSON(header) else { throw .unsupportedMediaType(header.printable) }
  }

  /// Whether the request comes from a page of another site, by `Sec-Fetch-Site`, or by `Origin` from older browsers.
  private static func isOfAnotherSite(_ request: FastCGIRequest) -> Bool {
    let site = request.header("Sec-Fetch-Site") ?? ""
    if ["cross-site", "same-site"].contains(where: site.matchesIgnoringCase) { return true }
    let host = request.header("Host").map { HostName.ofHeader($0) }
    return request.headers("Origin").contains { origin in
      guard let name = HostName.ofURL(origin), let host else { return true }
      return !name.hasSameScalars(as: host)
    }
  }
}

extension String {
  /// The text without control characters, at most 100 Unicode scalars, for a message.
  fileprivate var printable: String {
    String(String.UnicodeScalarView(unicodeScalars.prefix(100).filter { $0.value >= 0x20 && $0.value != 0x7f }))
  }

  /// Whether the text equals a name of lower-case ASCII letters, ignoring case.
  fileprivate func matchesIgnoringCase(_ name: String) -> Bool {
    utf8.lazy.map(ASCII.lowercase).elementsEqual(name.utf8)
  }
}

import CCurl
import LinuxSupport

extension HTTPRequest {
  /// Checks that the request can be sent unchanged.
  /// - Throws: `invalidRequest`; its message contains no values of headers.
  func validate() throws(HTTPError) {
    try validateMethod()
    try validateURL()
    for header in headers { try validate(header) }
  }

  /// Whether a text may be the value of a header: no control characters, so that it cannot start another line.
  static func isFieldValue(_ value: String) -> Bool {
    value.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7f) || $0 == 0x09 }
  }

  private func validateMethod() throws(HTTPError) {
    let isMethod = !method.isEmpty && method.utf8.allSatisfy { (0x41...0x5a).contains($0) || $0 == 0x2d }
    guard isMethod else { throw .invalidRequest("the method must be in capital letters") }
    if method == "HEAD", body != nil { throw .invalidRequest("a HEAD request has no body") }
  }

  private func validateURL() throws(HTTPError) {
    guard !url.utf8.contains(0) else { throw .invalidRequest("the URL contains a NUL") }
    guard let parsed = ccurl_url() else { preconditionFailure("out of memory") }
    defer { ccurl_url_cleanup(parsed) }
    let code = ccurl_url_set(parsed, CURLUPART_URL, url, UInt32(CURLU_NON_SUPPORT_SCHEME))
    guard code == CURLUE_OK else {
      throw .invalidRequest("the URL cannot be read: \(String(cString: ccurl_url_strerror(code)))")
    }
    var scheme: UnsafeMutablePointer<CChar>?
    defer { ccurl_free(scheme) }
    guard ccurl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK, let scheme,
      ["http", "https"].contains(String(cString: scheme).lowercased())
    else { throw .invalidRequest("the URL's scheme must be http or https") }
  }

  private func validate(_ header: HTTPHeader) throws(HTTPError) {
    guard HTTPToken.isValid(header.name) else {
      throw .invalidRequest("a header's name is not a token")
    }
    guard Self.isFieldValue(header.value) else {
      throw .invalidRequest("the value of header \(header.name) contains a control character")
    }
    guard !["content-length", "transfer-encoding", "expect"].contains(header.name.lowercased()) else {
      throw .invalidRequest("header \(header.name) is set by the client")
    }
  }
}

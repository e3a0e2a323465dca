import CCurl

/// A URL of an HTTP server, as libcurl understands it: whatever notation its host has, `host` is what libcurl connects
/// to.
public struct HTTPURL: Sendable, Equatable {
  /// The URL in its normal form, without a fragment.
  public let text: String
  /// Whether the scheme is `https`; otherwise it is `http`.
  public let isSecure: Bool
  /// The name of the host in lower case and without a dot at its end, or its address in the usual form.
  public let host: String
  /// The port, also where it is the scheme's own.
  public let port: Int

  /// The port of the scheme.
  public static func defaultPort(isSecure: Bool) -> Int { isSecure ? 443 : 80 }

  /// Scheme, host and port, without a port that is the scheme's own: nothing of it is secret.
  public var origin: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return (isSecure ? "https://" : "http://") + name
      + (port == HTTPURL.defaultPort(isSecure: isSecure) ? "" : ":\(port)")
  }

  /// Reads an absolute URL.
  /// - Throws: what is wrong with it; nothing of the URL is repeated.
  public init(_ text: String) throws(HTTPURLError) { try self.init(text, relativeTo: nil) }

  /// The URL that a `Location` header of a response from this URL leads to.
  public func resolving(_ location: String) throws(HTTPURLError) -> HTTPURL {
    try HTTPURL(location, relativeTo: self.text)
  }

  private init(_ text: String, relativeTo base: String?) throws(HTTPURLError) {
    // libcurl skips a third slash, and takes the beginning of the path for the host.
    if base == nil, text.utf8.drop(while: { $0 != UInt8(ascii: ":") }).starts(with: ":///".utf8) {
      throw HTTPURLError(description: "it has no host")
    }
    let parts = try URLParts(text, relativeTo: base)
    switch try parts.required(CURLUPART_SCHEME).lowercased() {
    case "http": isSecure = false
    case "https": isSecure = true
    default: throw HTTPURLError(description: "its scheme must be http or https")
    }
    guard parts.optional(CURLUPART_ZONEID) == nil else {
      throw HTTPURLError(description: "it has an IPv6 zone")
    }
    var host = try parts.required(CURLUPART_HOST).lowercased()
    // libcurl converts other letters by the locale, of which a service has none.
    guard host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw HTTPURLError(description: "its host has letters beyond ASCII; write it as xn--…")
    }
    try parts.set(CURLUPART_FRAGMENT, nil)
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    while host.hasSuffix(".") { host.removeLast() }
    if let address = IPAddress(host) { host = "\(address)" }
    guard !host.isEmpty else { throw HTTPURLError(description: "it has no host") }
    guard let port = Int(try parts.required(CURLUPART_PORT, UInt32(CURLU_DEFAULT_PORT))), port > 0 else {
      throw HTTPURLError(description: "its port is none")
    }
    self.host = host
    self.port = port
    self.text = try parts.required(CURLUPART_URL)
  }
}

/// What is wrong with a URL, as a part of a sentence.
public struct HTTPURLError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The part of a sentence, without anything of the URL.
  public let description: String

  /// A part of a sentence.
  public init(description: String) { self.description = description }
}

/// libcurl's URL handle, freed with this object.
private final class URLParts {
  private let handle: OpaquePointer

  /// - Parameter base: an absolute URL that a relative one is resolved against.
  init(_ text: String, relativeTo base: String?) throws(HTTPURLError) {
    CurlLibrary.initialize()
    guard let handle = ccurl_url() else { preconditionFailure("out of memory") }
    self.handle = handle
    guard !text.isEmpty else { throw HTTPURLError(description: "it is empty") }
    guard !text.utf8.contains(0) else { throw HTTPURLError(description: "it contains a NUL") }
    if let base { try set(CURLUPART_URL, base) }
    // The Location headers of servers have blanks and letters of any alphabet.
    try set(CURLUPART_URL, text, base == nil ? 0 : CURLU_URLENCODE | CURLU_ALLOW_SPACE)
  }

  deinit { ccurl_url_cleanup(handle) }

  func set(_ part: CURLUPart, _ text: String?, _ flags: Int32 = 0) throws(HTTPURLError) {
    try check(ccurl_url_set(handle, part, text, UInt32(CURLU_DISALLOW_USER | flags)))
  }

  func required(_ part: CURLUPart, _ flags: UInt32 = 0) throws(HTTPURLError) -> String {
    var text: UnsafeMutablePointer<CChar>?
    defer { ccurl_free(text) }
    try check(ccurl_url_get(handle, part, &text, flags))
    guard let text else { throw HTTPURLError(description: "it is incomplete") }
    return String(cString: text)
  }

  func optional(_ part: CURLUPart) -> String? { try? required(part) }

  private func check(_ code: CURLUcode) throws(HTTPURLError) {
    switch code {
    case CURLUE_OK: return
    case CURLUE_USER_NOT_ALLOWED:
      throw HTTPURLError(description: "it has a user or a password; they belong in an Authorization header")
    case CURLUE_BAD_SCHEME, CURLUE_UNSUPPORTED_SCHEME, CURLUE_NO_SCHEME:
      throw HTTPURLError(description: "it must start with http:// or https://")
    case CURLUE_MALFORMED_INPUT:
      throw HTTPURLError(description: "it cannot be read; blanks and control characters must be percent-encoded")
    default:
      throw HTTPURLError(description: "it cannot be read: \(String(cString: ccurl_url_strerror(code)))")
    }
  }
}

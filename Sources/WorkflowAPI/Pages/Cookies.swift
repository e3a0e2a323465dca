import AccessKeys
import ExactJSON
import FastCGI
import OpenSSL

/// The cookies of the pages (RFC 6265bis). No script can read them, and no request of another site has them.
enum Cookies {
  /// The cookie with the key of a login, in hexadecimal: a key may have characters that a cookie may not.
  static let key = "wf_key"
  /// The cookie with random bits that the tokens of forms are made from.
  static let seed = "wf_csrf"

  /// The value of a cookie; nil where the request has none of this name.
  static func value(_ name: String, in request: FastCGIRequest) -> String? {
    for header in request.headers("Cookie") {
      for pair in Array(header.utf8).split(separator: UInt8(ascii: ";")) {
        let pair = ASCII.trimmed(pair)
        let end = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
        guard pair[..<end].elementsEqual(name.utf8) else { continue }
        return String(decoding: pair[end...].dropFirst(), as: UTF8.self)
      }
    }
    return nil
  }

  /// The header that sets a cookie until the browser is closed, or, without a value, removes it.
  static func header(_ name: String, _ value: String?, for request: FastCGIRequest) -> (name: String, value: String) {
    let secure = isEncrypted(request) ? "; Secure" : ""
    let end = value == nil ? "; Max-Age=0" : ""
    return ("Set-Cookie", "\(name)=\(value ?? ""); Path=/; HttpOnly; SameSite=Strict\(end)\(secure)")
  }

  /// The key of a login; nil where the request has none.
  static func secret(in request: FastCGIRequest) -> String? {
    value(key, in: request).flatMap { Digest.bytes(hex: $0) }.map { String(decoding: $0, as: UTF8.self) }
  }

  /// The value of the cookie with a key.
  static func value(ofSecret secret: String) -> String { Digest.hex(Array(secret.utf8)) }

  /// Whether the browser's connection is encrypted, as the web server says in one of two ways.
  private static func isEncrypted(_ request: FastCGIRequest) -> Bool {
    let scheme = request.parameter("REQUEST_SCHEME") ?? ""
    let https = request.parameter("HTTPS") ?? ""
    return scheme.utf8.elementsEqual("https".utf8)
      || !https.isEmpty && !https.utf8.map(ASCII.lowercase).elementsEqual("off".utf8)
  }
}

/// What forms send back, so that only those of pages of this API are taken: it follows from a cookie and from the key,
/// and a page of another site knows neither.
struct FormToken: Sendable {
  /// What the browser has in the cookie.
  private let seed: String
  /// The header that gives the browser the cookie; nil where it has one.
  let cookie: (name: String, value: String)?

  /// The name of the field in forms.
  static let field = "csrf"
  /// The header in which a script sends the token.
  static let header = "X-CSRF-Token"
  private static let seedLength = 32

  /// The tokens of a browser.
  init(_ request: FastCGIRequest) {
    if let known = Self.seed(in: request) {
      seed = known
      cookie = nil
    } else {
      var generator = SystemRandomNumberGenerator()
      let bytes = (0..<Self.seedLength / 2).map { _ in UInt8.random(in: 0...255, using: &generator) }
      seed = Digest.hex(bytes)
      cookie = Cookies.header(Cookies.seed, seed, for: request)
    }
  }

  /// The text in forms for a key; nil for somebody without one.
  func text(for key: AccessKey?) -> String { Self.text(seed, key) }

  /// Checks the token that a request has.
  /// - Throws: `forbidden` where it is missing, or that of another browser or key.
  static func check(_ request: FastCGIRequest, _ key: AccessKey?) throws(APIError) {
    let given = request.header(header) ?? FormBody(request).text(field)
    guard let given, let seed = seed(in: request),
      Digest.areEqual(Array(given.utf8), Array(text(seed, key).utf8))
    else {
      throw .forbidden("this form is not one of a page that this browser has now; load the page again and repeat it")
    }
  }

  private static func text(_ seed: String, _ key: AccessKey?) -> String {
    Digest.hex(Digest.hmacSHA256(Array("wf form \(key?.digestText ?? "")".utf8), key: Array(seed.utf8)))
  }

  private static func seed(in request: FastCGIRequest) -> String? {
    guard let seed = Cookies.value(Cookies.seed, in: request), seed.utf8.count == seedLength,
      Digest.bytes(hex: seed) != nil
    else { return nil }
    return seed
  }
}

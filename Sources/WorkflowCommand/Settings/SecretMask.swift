/// URLs as they may be shown: without passwords and keys.
enum SecretMask {
  private static let mark = "***"
  /// Parameters of a query that hold no secret and that help to understand the settings.
  private static let harmless = ["api-version", "db"]

  /// A URL, or what was given as one, without its secrets: the password before the host, or a lone user, which may be a
  /// token; and the value of every parameter of the query but the harmless ones.
  ///
  /// It hides too much rather than too little: a password may hold any character, unescaped, so the last `@` ends it.
  static func url(_ text: String) -> String {
    let scheme = text.firstRange(of: "://").map { text[..<$0.upperBound] } ?? ""
    let rest = text.utf8[scheme.endIndex...]
    guard let at = rest.lastIndex(of: UInt8(ascii: "@")) else { return scheme + location(rest) }
    return scheme + login(rest[..<at]) + location(rest[at...])
  }

  private static func login(_ text: Substring.UTF8View) -> String {
    guard let colon = text.firstIndex(of: UInt8(ascii: ":")) else { return text.isEmpty ? "" : mark }
    return String(Substring(text[...colon])) + mark
  }

  private static func location(_ text: Substring.UTF8View) -> String {
    guard let query = text.firstIndex(of: UInt8(ascii: "?")) else { return String(Substring(text)) }
    let parameters = text[query...].dropFirst().split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false)
    return String(Substring(text[...query])) + parameters.map(parameter).joined(separator: "&")
  }

  private static func parameter(_ text: Substring.UTF8View) -> String {
    guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else { return text.isEmpty ? "" : mark }
    let name = String(Substring(text[..<equals]))
    return harmless.contains(name.lowercased()) ? String(Substring(text)) : "\(name)=\(mark)"
  }
}

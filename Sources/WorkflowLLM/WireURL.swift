/// The URL to which a wire's requests are posted, from the base URL of a setting.
public struct WireURL: Sendable, Equatable {
  /// The URL, its query after the path.
  public let text: String
  /// Whether it contains a user, which is sent as HTTP Basic.
  public let hasUser: Bool

  /// Why a text is not a base URL, in a few words.
  public struct Invalid: Error, Sendable, Equatable, CustomStringConvertible {
    /// The reason.
    public let description: String
  }

  /// Where providers take requests, of these wires and of others.
  private static let ends = ["/chat/completions", "/completions", "/responses", "/messages", "/embeddings"]

  /// Creates the URL. The base may end with or without its version, slashes or the path of the wire, and may have a
  /// query such as Azure's `?api-version=…`.
  /// - Throws: `Invalid`.
  public init(base: String, wire: ModelDefinition.Wire) throws(Invalid) {
    let base = base.trimmingWhitespace
    guard base.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "\\") }) else {
      throw Invalid(description: "it contains a blank, a control character or a backslash")
    }
    if base.contains("#") { throw Invalid(description: "it contains a #: no server gets the part after it") }
    guard let colon = base.firstRange(of: "://"), ["http", "https"].contains(base[..<colon.lowerBound].lowercased())
    else { throw Invalid(description: "a URL with http:// or https:// is expected") }
    let rest = base[colon.upperBound...]
    let beforeQuery = rest.prefix { $0 != "?" }
    let authority = beforeQuery.prefix { $0 != "/" }
    try Self.check(authority: authority)
    let path = try Self.path(beforeQuery[authority.endIndex...], wire)
    let query = rest[beforeQuery.endIndex...]
    hasUser = authority.contains("@")
    text = "\(base[..<colon.lowerBound].lowercased())://\(authority)\(path)\(query == "?" ? "" : query)"
  }

  private static func check(authority: Substring) throws(Invalid) {
    let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
    let isBracketed = host.hasPrefix("[")
    let name = isBracketed ? host.prefix { $0 != "]" } : host.prefix { $0 != ":" }
    guard !name.isEmpty, name != "[" else { throw Invalid(description: "its host is missing") }
    let rest = host[name.endIndex...].drop { isBracketed && $0 == "]" }
    guard !rest.isEmpty else { return }
    guard rest.first == ":", let port = Int(rest.dropFirst()), (1...65_535).contains(port) else {
      throw Invalid(description: "its port must be a number from 1 to 65535")
    }
  }

  /// The path without redundant slashes, ending with that of the wire.
  private static func path(_ given: Substring, _ wire: ModelDefinition.Wire) throws(Invalid) -> String {
    var path = ""
    // Some gateways have a URL in their path: the slashes after its colon are kept.
    for character in given where character != "/" || !path.hasSuffix("/") || path.hasSuffix(":/") {
      path.append(character)
    }
    while path.hasSuffix("/") { path.removeLast() }
    let own = wire.format.path
    if path.hasSuffix(own) { return path }
    if wire == .chatCompletions, path.hasSuffix("/chat") { return path + "/completions" }
    if let other = ends.first(where: { path.hasSuffix($0) }) {
      throw Invalid(description: "its path ends with \(other), and \(wire.rawValue) posts to \(own); leave that out")
    }
    // As Anthropic's own clients have it: their base URL is without the version.
    if wire == .messages, path.isEmpty { path = "/v1" }
    return path + own
  }
}

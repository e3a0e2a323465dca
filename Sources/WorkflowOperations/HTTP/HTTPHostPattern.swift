public import Curl

/// An entry of `WF_HTTP_ALLOW`: a host, or all hosts below a domain, with a port or with that of the scheme.
public struct HTTPHostPattern: Sendable, Equatable, CustomStringConvertible {
  private enum Host: Equatable {
    case any
    case name(String)
    case address(IPAddress)
    /// Any name that ends so, with its dot.
    case below(String)
  }

  private let host: Host
  private let port: Int?
  /// The entry as it was written.
  public let description: String

  /// What an entry may look like, for messages.
  public static let forms =
    "hosts separated by commas are expected, such as api.example.com, *.example.com, api.example.com:8443, or * for any"

  /// Reads an entry: `api.example.com`, `*.example.com`, `192.0.2.1`, `[2001:db8::1]` or `*`, and `:port` behind it.
  public init?(_ text: String) {
    guard let (host, port) = HTTPHostPattern.divide(text.lowercased()) else { return nil }
    if host == "*" {
      self.host = .any
    } else if let address = IPAddress(host) {
      self.host = .address(address)
    } else if host.hasPrefix("*."), HTTPHostPattern.isName(host.dropFirst(2)) {
      self.host = .below(String(host.dropFirst()))
    } else if HTTPHostPattern.isName(host[...]) {
      self.host = .name(host)
    } else {
      return nil
    }
    self.port = port
    description = text
  }

  /// The address that the entry is; nil where it is a name.
  public var address: IPAddress? { if case .address(let address) = host { address } else { nil } }

  /// Whether a URL leads to the entry's host and port. Without a port the entry means that of the URL's
  /// scheme.
  public func matches(_ url: HTTPURL) -> Bool {
    guard url.port == port ?? HTTPURL.defaultPort(isSecure: url.isSecure) else { return false }
    switch host {
    case .any: return true
    case .name(let name): return url.host == name
    case .address(let address): return IPAddress(url.host) == address
    case .below(let domain): return url.host.hasSuffix(domain) && url.host.utf8.count > domain.utf8.count
    }
  }

  /// The host without brackets, and the port.
  private static func divide(_ text: String) -> (host: String, port: Int?)? {
    if IPAddress(text) != nil { return (text, nil) }
    var host = text[...]
    var port: Int?
    if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
      let digits = text[text.index(after: colon)...]
      guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits), 1...65_535 ~= number
      else { return nil }
      host = text[..<colon]
      port = number
    }
    guard host.hasPrefix("["), host.hasSuffix("]") else { return host.contains(":") ? nil : (String(host), port) }
    let address = String(host.dropFirst().dropLast())
    return address.contains(":") && IPAddress(address) != nil ? (address, port) : nil
  }

  /// Whether a text is a name of DNS. One whose last part is a number is none: it would be read as an address.
  private static func isName(_ text: Substring) -> Bool {
    let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard text.utf8.count <= 253, let last = labels.last, last.first.map({ $0 > 0x39 }) == true else { return false }
    return labels.allSatisfy { label in
      !label.isEmpty && label.count <= 63
        && label.allSatisfy { (0x61...0x7a).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2d || $0 == 0x5f }
    }
  }
}

import ExactJSON
import FastCGI

/// Host names in URLs and `Host` headers (RFC 3986, section 3.2.2).
package enum HostName {
  /// The name in a `Host` header: without port, brackets and trailing dot, ASCII letters in lower case.
  static func ofHeader(_ header: String) -> String { name(Array(header.utf8)[...]) }

  /// The host of a URL with `//`, in the same form; nil if there is none.
  static func ofURL(_ url: String) -> String? {
    let bytes = Array(url.utf8)
    guard let slashes = bytes.firstRange(of: Array("//".utf8)) else { return nil }
    let authority = bytes[slashes.upperBound...].prefix { !"/?#".utf8.contains($0) }
    let host = authority.lastIndex(of: UInt8(ascii: "@")).map { authority[($0 + 1)...] } ?? authority
    let found = name(host)
    return found.isEmpty ? nil : found
  }

  /// Whether a name in that form is a loopback address or name (RFC 6761, section 6.3).
  package static func isLoopback(_ name: String) -> Bool {
    if name.hasSameScalars(as: "localhost") || LoopbackAddress.matches(name) { return true }
    return name.utf8.suffix(10).elementsEqual(".localhost".utf8)
  }

  private static func name(_ authority: ArraySlice<UInt8>) -> String {
    var name = authority
    if name.first == UInt8(ascii: "["), let bracket = name.firstIndex(of: UInt8(ascii: "]")) {
      name = name[..<bracket].dropFirst()
    } else if let colon = name.firstIndex(of: UInt8(ascii: ":")) {
      name = name[..<colon]
    }
    if name.last == UInt8(ascii: ".") { name.removeLast() }
    return String(unsafeUninitializedCapacity: name.count) { lower in
      lower.initialize(fromContentsOf: name.lazy.map(ASCII.lowercase))
    }
  }
}

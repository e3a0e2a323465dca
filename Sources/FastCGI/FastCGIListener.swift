import Glibc

/// Where a server takes its connections from.
public enum FastCGIListener: Sendable, Equatable {
  /// The listening socket that systemd (`StandardInput=socket`) or spawn-fcgi put on descriptor 0.
  ///
  /// It is shared with whoever made it and outlives the server.
  case standardInput
  /// A unix socket of the server's own, made with these permissions and removed when the server stops.
  case unix(path: String, mode: UInt32 = 0o660)
  /// A TCP socket of the server's own. Port 0 takes a free one.
  case tcp(host: String, port: UInt16)

  /// Reads `-` (standard input), a path (anything with a slash, `unix:` in front or not), or `HOST:PORT`.
  ///
  /// An IPv6 address stands in brackets: `[::1]:9000`. No host means 127.0.0.1.
  public static func parse(_ text: String) throws(FastCGIError) -> FastCGIListener {
    if text == "-" { return .standardInput }
    let path = text.hasPrefix("unix:") ? String(text.dropFirst(5)) : text
    if path.contains("/") { return .unix(path: path) }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
      throw .malformedListener(text)
    }
    return .tcp(host: try host(text[..<colon], of: text), port: port)
  }

  private static func host(_ part: Substring, of text: String) throws(FastCGIError) -> String {
    if part.isEmpty { return "127.0.0.1" }
    if part.hasPrefix("["), part.hasSuffix("]"), part.count > 2 { return String(part.dropFirst().dropLast()) }
    guard !part.contains(where: { ":[] ".contains($0) }) else { throw .malformedListener(text) }
    return String(part)
  }
}

extension FastCGIListener {
  /// Whether only processes of this host can connect: a unix socket, or an address of the loopback interface.
  ///
  /// Whoever can connect also says which client a request comes from (`REMOTE_ADDR`). For standard input the socket
  /// itself is asked. A host name counts only if each of its addresses is a loopback address.
  public var isLocal: Bool {
    switch self {
    case .unix: true
    case .standardInput: FastCGIListener.isStandardInputLocal
    case .tcp(let host, _): FastCGIListener.isLocal(host: host)
    }
  }

  private static var isStandardInputLocal: Bool {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &address) { storage in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        getsockname(0, address, &length) == 0 && LoopbackAddress.matches(address)
      }
    }
  }

  private static func isLocal(host: String) -> Bool {
    var found: UnsafeMutablePointer<addrinfo>?
    // A name that cannot be resolved is reported when the server tries to listen there.
    guard getaddrinfo(host, nil, nil, &found) == 0 else { return true }
    defer { freeaddrinfo(found) }
    var next = found
    while let entry = next?.pointee {
      guard let address = entry.ai_addr, LoopbackAddress.matches(address) else { return false }
      next = entry.ai_next
    }
    return true
  }
}

extension FastCGIListener: CustomStringConvertible {
  /// The listener as `parse` reads it.
  public var description: String {
    switch self {
    case .standardInput: "-"
    case .unix(let path, _): path
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
  }
}

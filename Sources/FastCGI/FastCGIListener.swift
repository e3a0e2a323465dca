import Glibc

/// Where a server accepts connections.
public enum FastCGIListener: Sendable, Equatable {
  /// The listening socket that systemd (`StandardInput=socket`) or spawn-fcgi put on descriptor 0.
  ///
  /// It is shared with the process that made it, and stays open after the server has stopped.
  case standardInput
  /// A unix socket that the server creates with these permissions, and removes when it stops.
  case unix(path: String, mode: UInt32 = 0o660)
  /// A TCP socket that the server opens. Port 0 means any free port.
  case tcp(host: String, port: UInt16)

  /// Reads `-` (standard input), a path (anything with a slash, `unix:` in front or not), or `HOST:PORT`.
  ///
  /// An IPv6 address is in brackets: `[::1]:9000`. No host means 127.0.0.1.
  /// - Throws: `malformedListener`.
  public static func parse(_ text: String) throws(FastCGIError) -> Self {
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
  /// Whether only processes on this host can connect: true for a unix socket or a loopback address.
  ///
  /// This matters because a peer also states the client's address (`REMOTE_ADDR`). For standard input, the address of
  /// the socket decides; for a host name, all of its addresses must be loopback addresses.
  public var isLocal: Bool {
    switch self {
    case .unix: true
    case .standardInput: Self.isStandardInputLocal
    case .tcp(let host, _): Self.isLocal(host: host)
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
    // An unknown name is reported when the server starts to listen.
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

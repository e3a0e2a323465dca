import CFastCGI
import Glibc
import Synchronization

/// The socket on which connections are accepted.
///
/// A socket that the server opened is closed and its file removed; one passed as standard input is left open.
final class ListeningSocket: Sendable {
  /// The socket, non-blocking.
  let descriptor: Int32
  private let isOwned: Bool
  /// Whether the socket outlives this process, as one of systemd does.
  var isShared: Bool { !isOwned }
  private let file: SocketFile?
  private let isUnlinked = Atomic(false)

  /// Opens the socket and listens, so that peers can connect.
  /// - Throws: `FastCGIError` when the address is in use or cannot be opened.
  init(_ listener: FastCGIListener) throws(FastCGIError) {
    switch listener {
    case .standardInput:
      descriptor = try Self.standardInput()
      (isOwned, file) = (false, nil)
    case .unix(let path, let mode):
      (descriptor, file) = try SocketFile.open(path, mode: mode)
      isOwned = true
    case .tcp(let host, let port):
      descriptor = try Self.openTCP(host: host, port: port)
      (isOwned, file) = (true, nil)
    }
  }

  deinit {
    unlink()
    if isOwned { close(descriptor) }
  }

  /// Accepts the next connection; its reads and writes block. Nil, with `errno` set, when there is none.
  func accept() -> Int32? {
    var connection: Int32
    repeat {
      connection = accept4(descriptor, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
    } while connection < 0 && (errno == EINTR || errno == ECONNABORTED)
    return connection < 0 ? nil : connection
  }

  /// Removes the file of a unix socket, so that no further peer connects.
  func unlink() {
    // Once only: the file of a successor may have the same inode number.
    if !isUnlinked.exchange(true, ordering: .relaxed) { file?.remove() }
  }

  /// Refuses further connections, unless the socket is shared: then they wait for the next process.
  ///
  /// The descriptor stays open until this object is released.
  func refuse() {
    if isOwned { shutdown(descriptor, Int32(SHUT_RDWR)) }
  }

  /// The port of a TCP socket; nil for others.
  var port: UInt16? {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutableBytes(of: &address) { bytes -> UInt16? in
      guard let base = bytes.baseAddress,
        getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &length) == 0
      else { return nil }
      switch Int32(bytes.load(as: sa_family_t.self)) {
      case AF_INET: return UInt16(bigEndian: bytes.load(as: sockaddr_in.self).sin_port)
      case AF_INET6: return UInt16(bigEndian: bytes.load(as: sockaddr_in6.self).sin6_port)
      default: return nil
      }
    }
  }

  private static func standardInput() throws(FastCGIError) -> Int32 {
    var listens: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(0, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0, listens != 0 else {
      throw .standardInputDoesNotListen
    }
    guard fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK) == 0 else { throw .lastSystemError("fcntl") }
    tuneTCP(0)
    return 0
  }

  private static func openTCP(host: String, port: UInt16) throws(FastCGIError) -> Int32 {
    var hints = addrinfo()
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(host, String(port), &hints, &found) == 0, let found else { throw .unknownHost(host) }
    defer { freeaddrinfo(found) }
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let descriptor = socket(found.pointee.ai_family, kind, 0)
    guard descriptor >= 0 else { throw .lastSystemError("socket") }
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard bind(descriptor, found.pointee.ai_addr, found.pointee.ai_addrlen) == 0, listen(descriptor, SOMAXCONN) == 0
    else {
      let error = FastCGIError.lastSystemError("bind")
      close(descriptor)
      throw error == .system(call: "bind", code: EADDRINUSE) ? .addressInUse("\(host):\(port)") : error
    }
    tuneTCP(descriptor)
    return descriptor
  }

  /// Sets options that accepted connections inherit. Without effect on a unix socket.
  ///
  /// With this send buffer, a socket that polls as writable accepts a slice of `Connection.sliceLength` without
  /// blocking.
  private static func tuneTCP(_ descriptor: Int32) {
    var on: Int32 = 1
    guard setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
      return
    }
    var bytes: Int32 = 256 << 10
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
  }
}

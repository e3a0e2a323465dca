import CFastCGI
import Glibc
import Synchronization

/// The socket that connections are accepted from.
///
/// What the server made itself it also takes away; a socket that came as standard input belongs to others.
final class ListeningSocket: Sendable {
  /// Non-blocking.
  let descriptor: Int32
  private let isOurs: Bool
  private let file: SocketFile?
  private let isHidden = Atomic(false)

  /// Opens and listens, so that from here on peers can connect.
  init(_ listener: FastCGIListener) throws(FastCGIError) {
    switch listener {
    case .standardInput:
      descriptor = try Self.standardInput()
      (isOurs, file) = (false, nil)
    case .unix(let path, let mode):
      (descriptor, file) = try SocketFile.open(path, mode: mode)
      isOurs = true
    case .tcp(let host, let port):
      descriptor = try Self.openTCP(host: host, port: port)
      (isOurs, file) = (true, nil)
    }
  }

  deinit {
    hide()
    if isOurs { close(descriptor) }
  }

  /// The next connection, blocking in its reads and writes; nil with `errno` when there is none.
  func accept() -> Int32? {
    var connection: Int32
    repeat {
      connection = accept4(descriptor, nil, nil, Int32(SOCK_CLOEXEC.rawValue))
    } while connection < 0 && (errno == EINTR || errno == ECONNABORTED)
    return connection < 0 ? nil : connection
  }

  /// Takes the socket's file away, so that nobody new finds the way here.
  func hide() {
    // Once only: a successor's file may get the very inode of ours.
    if !isHidden.exchange(true, ordering: .relaxed) { file?.remove() }
  }

  /// Refuses further connections, unless the socket is shared: then they wait for the next process.
  ///
  /// The descriptor itself stays valid until the last user is gone.
  func refuse() {
    if isOurs { shutdown(descriptor, Int32(SHUT_RDWR)) }
  }

  /// The port of a TCP socket.
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

  /// Settings that accepted connections inherit; without effect on a unix socket.
  ///
  /// With this buffer a socket that polls as writable takes a whole slice of an answer without blocking.
  private static func tuneTCP(_ descriptor: Int32) {
    var on: Int32 = 1
    guard setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
      return
    }
    var bytes: Int32 = 256 * 1024
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
  }
}

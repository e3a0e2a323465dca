import Glibc

/// A TCP socket that connections are accepted from, closed with its last user.
final class ServerSocket: Sendable {
  let port: UInt16
  private let descriptor: Int32

  /// - Parameter host: a numeric address of this machine.
  init(host: String, port: UInt16) throws(ModelServer.Failure) {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var isOn: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &isOn, socklen_t(MemoryLayout<Int32>.size))
    guard let bound = ServerSocket.bind(descriptor, host, port), listen(descriptor, 1024) == 0 else {
      let reason = String(cString: strerror(errno))
      Glibc.close(descriptor)
      throw ModelServer.Failure(description: "cannot listen on \(host):\(port): \(reason)")
    }
    self.port = bound
  }

  deinit { Glibc.close(descriptor) }

  /// The next connection; nil once `refuse()` was called.
  func accept() -> ClientConnection? {
    while true {
      let connection = Glibc.accept(descriptor, nil, nil)
      if connection >= 0 { return ClientConnection(connection) }
      guard errno == ECONNABORTED else { return nil }
    }
  }

  /// Wakes who waits in `accept()` and takes no more connections.
  func refuse() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  /// Returns the port that it got.
  private static func bind(_ descriptor: Int32, _ host: String, _ port: UInt16) -> UInt16? {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr(host)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    return isBound ? UInt16(bigEndian: address.sin_port) : nil
  }
}

import Glibc

/// One end of a connection, closed with its last user. Its calls block for 20 s at most.
final class Peer: Sendable {
  struct Failure: Error {
    let call: String
    let code = errno
  }

  let descriptor: Int32

  init(unix path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    try connect(to: address)
  }

  init(port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    try connect(to: address)
  }

  deinit { close(descriptor) }

  func send(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw Failure(call: "send") }
      rest = rest.dropFirst(count)
    }
  }

  /// What has arrived, at most so much; empty at the end of the connection.
  func receive(atMost length: Int = 65536) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
      let received = recv(descriptor, buffer.baseAddress, length, 0)
      guard received >= 0 else { throw Failure(call: "recv") }
      count = received
    }
  }

  /// Nothing more will be sent, but there is still somebody to read.
  func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Hangs up.
  func hangUp() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  /// Reads until the other side closes, which it may also do by a reset.
  func readToEnd() -> [UInt8] {
    var all: [UInt8] = []
    while let bytes = try? receive(), !bytes.isEmpty { all += bytes }
    return all
  }

  private func connect<Address>(to address: Address) throws {
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let result = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
    guard result == 0 else { throw Failure(call: "connect") }
  }
}

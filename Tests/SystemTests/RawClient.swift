import Glibc
import RedisFixture
import SystemHarness

/// A client that sends what it is told to, and then does what it likes.
final class RawClient: Sendable {
  private let descriptor: Int32

  /// Connects to a server at a URL of 127.0.0.1 and sends a request.
  init(_ url: String, _ request: String = "") throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var limit = timeval(tv_sec: 60, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let port = UInt16(url.split(separator: ":").last ?? "") ?? 0
    let isConnected = withLoopback(port) { connect(descriptor, $0, $1) == 0 }
    let bytes = Array(request.utf8)
    guard isConnected, send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
      throw StackFailure("cannot send a request to \(url): \(String(cString: strerror(errno)))")
    }
  }

  deinit { close(descriptor) }

  /// What has come, up to now.
  var received: String? { receive(Int32(MSG_DONTWAIT)) }

  /// What comes until the server closes the connection.
  func readToEnd() -> String {
    var text = ""
    while let piece = receive(0) { text += piece }
    return text
  }

  /// Closes both directions.
  func hangUp() { shutdown(descriptor, Int32(SHUT_RDWR)) }

  private func receive(_ flags: Int32) -> String? {
    var bytes = [UInt8](repeating: 0, count: 16_384)
    let count = recv(descriptor, &bytes, bytes.count, flags)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}

/// A port of 127.0.0.1 that was free a moment ago.
func freePort() -> UInt16 { UInt16(FreePort.find(1)[0]) }

private func withLoopback<Result>(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
  return withUnsafePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
  }
}

import Glibc
import SystemHarness

/// A connection that sends bytes which no HTTP client would send.
final class RawConnection: Sendable {
  enum Address: Sendable {
    case unix(String)
    /// A port of this machine.
    case port(UInt16)
  }

  private let descriptor: Int32

  init(_ address: Address) throws {
    descriptor =
      switch address {
      case .unix(let path): try RawConnection.connect(AF_UNIX, RawConnection.unixAddress(path))
      case .port(let port): try RawConnection.connect(AF_INET, RawConnection.loopbackAddress(port))
      }
    var patience = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  func send(_ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }

  /// The answer: all of its length, or everything until the peer closes.
  func answer() throws -> Host.Answer {
    var text: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 14)
    while case let count = recv(descriptor, &piece, piece.count, 0), count > 0 {
      text += piece[..<count]
      guard String(decoding: text, as: UTF8.self).contains("\r\n\r\n") else { continue }
      let answer = try Host.Answer(String(decoding: text, as: UTF8.self))
      if answer.headers["content-length"].flatMap({ Int($0) }) == answer.body.utf8.count { break }
    }
    return try Host.Answer(String(decoding: text, as: UTF8.self))
  }

  private static func connect<Name>(_ family: Int32, _ name: Name) throws -> Int32 {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let code = withUnsafePointer(to: name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Name>.size))
      }
    }
    guard code == 0 else {
      close(descriptor)
      throw StackFailure("no connection: errno \(errno)")
    }
    return descriptor
  }

  private static func unixAddress(_ path: String) -> sockaddr_un {
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
    return name
  }

  private static func loopbackAddress(_ port: UInt16) -> sockaddr_in {
    var name = sockaddr_in()
    name.sin_family = sa_family_t(AF_INET)
    name.sin_port = port.bigEndian
    name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return name
  }
}

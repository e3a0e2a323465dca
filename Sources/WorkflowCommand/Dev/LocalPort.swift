import Glibc
import SystemPackage

/// Ports of 127.0.0.1, looked at by binding a socket to them for a moment.
enum LocalPort {
  /// A port that the kernel gave and took back: free unless someone is very quick.
  static func free() throws -> UInt16 { try bind(0) }

  /// - Throws: a sentence for the user, when someone listens on the port.
  static func check(_ port: UInt16) throws {
    do {
      _ = try bind(port)
    } catch {
      throw CommandFailure("127.0.0.1:\(port): \(error); --port names another", code: .unavailable)
    }
  }

  private static func bind(_ port: UInt16) throws(Errno) -> UInt16 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    // As nginx does: connections that wait for their end are in nobody's way.
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    address.sin_port = port.bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
        Glibc.bind(descriptor, generic, size) == 0 ? getsockname(descriptor, generic, &size) : -1
      }
    }
    guard code == 0 else { throw Errno(rawValue: errno) }
    return UInt16(bigEndian: address.sin_port)
  }
}

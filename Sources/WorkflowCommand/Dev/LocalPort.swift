import Glibc
import SystemPackage

/// A port of 127.0.0.1, kept for nginx: as long as this lives the kernel gives it to no connection and to no process
/// that asks for any free port.
///
/// A socket is bound to it that does not listen, so that one of nginx's may beside it (`SO_REUSEADDR`, socket(7)).
struct LocalPort: ~Copyable {
  let number: UInt16
  private let descriptor: Int32

  /// Takes a port; any that is free when none is named.
  /// - Throws: a sentence for the user, when someone listens on the port.
  init(_ wanted: UInt16?) throws {
    do {
      (descriptor, number) = try LocalPort.bind(wanted ?? 0)
    } catch {
      throw CommandFailure("127.0.0.1:\(wanted ?? 0): \(error); --port names another", code: .unavailable)
    }
  }

  deinit { close(descriptor) }

  private static func bind(_ port: UInt16) throws(Errno) -> (Int32, UInt16) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    // A named port may be taken beside connections that wait for their end; any free one has to be free of all.
    if port != 0 { share(descriptor) }
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
    guard code == 0 else {
      let error = Errno(rawValue: errno)
      close(descriptor)
      throw error
    }
    share(descriptor)
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }

  private static func share(_ descriptor: Int32) {
    var yes: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
  }
}

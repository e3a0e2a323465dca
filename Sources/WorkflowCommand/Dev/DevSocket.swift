import Glibc
import LinuxSupport
import SystemPackage

/// A listening unix socket that `wf dev` holds for an API process, as systemd does in production: while the process is
/// away, connections wait for the next one.
enum DevSocket {
  /// Makes the socket, in place of one that a dead `wf dev` has left behind.
  static func open(_ path: String) throws -> FileDescriptor {
    unlink(path)
    guard let address = UnixSocketAddress(path: path) else { throw Errno(rawValue: ENAMETOOLONG) }
    let descriptor = try UnixSocketAddress.makeSocket(SOCK_STREAM)
    let code = address.withSocketAddress { bind(descriptor, $0, $1) }
    guard code == 0, listen(descriptor, SOMAXCONN) == 0 else {
      throw CommandFailure("\(path): \(Errno(rawValue: errno))", code: .outputError)
    }
    return FileDescriptor(rawValue: descriptor)
  }
}

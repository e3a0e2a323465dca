import Glibc
import SystemPackage

/// A listening unix socket that `wf dev` holds for an API process, as systemd does in production: while the process is
/// away, connections wait for the next one.
enum DevSocket {
  /// Makes the socket, in place of one that a dead `wf dev` has left behind.
  static func open(_ path: String) throws -> FileDescriptor {
    unlink(path)
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw Errno(rawValue: errno) }
    var name = sockaddr_un()
    name.sun_family = sa_family_t(AF_UNIX)
    precondition(path.utf8.count < MemoryLayout.size(ofValue: name.sun_path), "a wf dev's folder has a short path")
    withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let code = withUnsafePointer(to: &name) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) }
    }
    guard code == 0, listen(descriptor, SOMAXCONN) == 0 else { throw Errno(rawValue: errno) }
    return FileDescriptor(rawValue: descriptor)
  }
}

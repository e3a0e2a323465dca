import Glibc
import LinuxSupport

/// The file of a unix socket that this process created.
struct SocketFile: Sendable {
  private let path: String
  private let device: dev_t
  private let inode: ino_t

  /// Creates the file and listens.
  ///
  /// Replaces the socket of a process that has died, but neither a socket in use nor any other file.
  static func open(_ path: String, mode: UInt32) throws(FastCGIError) -> (descriptor: Int32, file: SocketFile) {
    let descriptor = try unixSocket()
    do throws(FastCGIError) {
      try bindReplacing(path, descriptor)
      // Before `listen`, when no peer can connect: the permissions are right from the first moment.
      guard chmod(path, mode) == 0 else { throw .lastSystemError("chmod") }
      guard listen(descriptor, SOMAXCONN) == 0 else { throw .lastSystemError("listen") }
      var status = stat()
      guard lstat(path, &status) == 0 else { throw .lastSystemError("lstat") }
      return (descriptor, SocketFile(path: path, device: status.st_dev, inode: status.st_ino))
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Removes the file, unless another process has replaced it.
  func remove() {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_dev == device, status.st_ino == inode else { return }
    unlink(path)
  }

  private static func bindReplacing(_ path: String, _ descriptor: Int32) throws(FastCGIError) {
    if try bind(path, descriptor) { return }
    var status = stat()
    if lstat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
      guard try !isListening(path) else { throw .addressInUse(path) }
      unlink(path)
    }
    guard try bind(path, descriptor) else { throw .addressInUse(path) }
  }

  /// - Returns: false when there is a file at the path.
  private static func bind(_ path: String, _ descriptor: Int32) throws(FastCGIError) -> Bool {
    let result = try withAddress(path) { Glibc.bind(descriptor, $0, $1) }
    guard result != 0 else { return true }
    guard errno == EADDRINUSE else { throw .lastSystemError("bind") }
    return false
  }

  /// Whether a process listens: only ECONNREFUSED proves the opposite, since a full queue has other errors.
  private static func isListening(_ path: String) throws(FastCGIError) -> Bool {
    let probe = try unixSocket()
    defer { close(probe) }
    let result = try withAddress(path) { connect(probe, $0, $1) }
    return result == 0 || errno != ECONNREFUSED
  }

  private static func unixSocket() throws(FastCGIError) -> Int32 {
    do { return try UnixSocketAddress.makeSocket(SOCK_STREAM, nonblocking: true) } catch { throw FastCGIError(error) }
  }

  private static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) throws(FastCGIError) -> Int32 {
    guard let address = UnixSocketAddress(path: path) else { throw .pathTooLong(path) }
    return address.withSocketAddress(body)
  }
}

public import Glibc

/// The address of a unix socket (unix(7)): a path of at most 107 bytes, or an abstract name.
public struct UnixSocketAddress: Sendable {
  private let address: sockaddr_un
  private let size: socklen_t

  /// The address of a path; nil when it is empty or longer than 107 bytes.
  public init?(path: String) { self.init(Array(path.utf8), terminated: true) }

  /// The address of an abstract name, without its leading NUL; nil when it is empty or longer than 107 bytes.
  public init?(abstractName name: String) {
    if name.isEmpty { return nil }
    self.init([0] + Array(name.utf8), terminated: false)
  }

  private init?(_ bytes: [UInt8], terminated: Bool) {
    var address = sockaddr_un()
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard !bytes.isEmpty, bytes.count <= room - (terminated ? 1 : 0) else { return nil }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    self.address = address
    // An abstract name ends with the address, a path with a NUL.
    size = socklen_t(terminated ? MemoryLayout<sockaddr_un>.size : MemoryLayout<sa_family_t>.size + bytes.count)
  }

  /// Hands the address to a system call.
  public func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, size) }
    }
  }

  /// Makes a unix socket that no child process inherits.
  /// - Parameter kind: `SOCK_STREAM` or `SOCK_DGRAM`, and flags such as `SOCK_NONBLOCK`.
  public static func makeSocket(_ kind: __socket_type, nonblocking: Bool = false) throws(SystemCallError) -> Int32 {
    let flags = SOCK_CLOEXEC.rawValue | (nonblocking ? SOCK_NONBLOCK.rawValue : 0)
    let descriptor = socket(AF_UNIX, Int32(kind.rawValue | flags), 0)
    guard descriptor >= 0 else { throw .last("socket") }
    return descriptor
  }
}

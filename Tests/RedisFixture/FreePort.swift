import Glibc

/// TCP ports of 127.0.0.1 for servers of tests.
public enum FreePort {
  /// Ports that were free a moment ago, each another.
  public static func find(_ count: Int) -> [Int] {
    let sockets = (0..<count).map { _ in socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }
    defer { for socket in sockets { close(socket) } }
    return sockets.map { socket in
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = inet_addr("127.0.0.1")
      var size = socklen_t(MemoryLayout<sockaddr_in>.size)
      let status = withUnsafeMutableBytes(of: &address) { bytes -> Int32 in
        guard let generic = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
        return bind(socket, generic, size) | getsockname(socket, generic, &size)
      }
      precondition(status == 0, "no free port on 127.0.0.1")
      return Int(UInt16(bigEndian: address.sin_port))
    }
  }
}

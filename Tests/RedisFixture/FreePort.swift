import Glibc
import Synchronization

/// TCP ports of 127.0.0.1 for servers of tests.
public enum FreePort {
  /// Below those from which the kernel takes the local ports of connections, and of listeners that name none: a port is
  /// free for a moment before its server listens, and again while the server is killed.
  private static let range = 12_000..<32_000

  private static let given = Mutex<Set<Int>>([])

  /// Ports that were free a moment ago, each another, and none that this process has got before.
  public static func find(_ count: Int) -> [Int] {
    given.withLock { given in
      var found: [Int] = []
      for _ in 0..<100 * count where found.count < count {
        let port = Int.random(in: range)
        if !given.contains(port), isFree(port) {
          given.insert(port)
          found.append(port)
        }
      }
      precondition(found.count == count, "no free port on 127.0.0.1")
      return found
    }
  }

  private static func isFree(_ port: Int) -> Bool {
    // A process that is started meanwhile must not inherit the port.
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return withUnsafeBytes(of: &address) { bytes in
      guard let generic = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return false }
      return bind(descriptor, generic, socklen_t(bytes.count)) == 0
    }
  }
}

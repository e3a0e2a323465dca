import Glibc

/// Loopback addresses: 127.0.0.0/8 and ::1 (RFC 6890), also mapped from IPv4 to IPv6.
public enum LoopbackAddress {
  /// Whether a text is a loopback address, in any spelling that inet_pton(3) accepts.
  public static func matches(_ text: String) -> Bool {
    var four = in_addr()
    if inet_pton(AF_INET, text, &four) == 1 { return matches(four) }
    var six = in6_addr()
    return inet_pton(AF_INET6, text, &six) == 1 && matches(six)
  }

  /// Whether a socket address is a loopback address; true for a unix socket.
  static func matches(_ address: UnsafePointer<sockaddr>) -> Bool {
    let bytes = UnsafeRawPointer(address)
    switch Int32(address.pointee.sa_family) {
    case AF_UNIX: return true
    case AF_INET: return matches(bytes.loadUnaligned(as: sockaddr_in.self).sin_addr)
    case AF_INET6: return matches(bytes.loadUnaligned(as: sockaddr_in6.self).sin6_addr)
    default: return false
    }
  }

  private static func matches(_ address: in_addr) -> Bool { UInt32(bigEndian: address.s_addr) >> 24 == 127 }

  private static func matches(_ address: in6_addr) -> Bool {
    withUnsafeBytes(of: address) { bytes in
      let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
      return isMapped ? bytes[12] == 127 : bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
    }
  }
}

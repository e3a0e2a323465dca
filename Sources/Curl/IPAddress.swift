import CCurl
import Glibc

/// An IPv4 or IPv6 address. An IPv4 address within an IPv6 one (`::ffff:192.0.2.1`) is the IPv4 address.
public struct IPAddress: Sendable, Hashable {
  /// 4 or 16 bytes, the first in front.
  let bytes: [UInt8]

  private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

  /// Whether it is an IPv4 address.
  public var isIPv4: Bool { bytes.count == 4 }

  /// An address of 4 or 16 bytes.
  init(bytes: [UInt8]) {
    let isMapped = bytes.count == 16 && bytes.starts(with: IPAddress.mappedPrefix)
    self.bytes = isMapped ? Array(bytes.suffix(4)) : bytes
  }

  /// Reads an address in its usual form: four decimal numbers, or IPv6 without brackets and zone.
  public init?(_ text: String) {
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &bytes) == 1 {
      self.init(bytes: Array(bytes.prefix(4)))
    } else if inet_pton(AF_INET6, text, &bytes) == 1 {
      self.init(bytes: bytes)
    } else {
      return nil
    }
  }

  /// The address that libcurl wants to connect to; nil for one of another family.
  init?(_ target: UnsafeMutablePointer<curl_sockaddr>) {
    guard let offset = MemoryLayout<curl_sockaddr>.offset(of: \.addr) else { return nil }
    let address = UnsafeRawPointer(target).advanced(by: offset)
    switch (target.pointee.family, Int(target.pointee.addrlen)) {
    case (AF_INET, MemoryLayout<sockaddr_in>.size...):
      let host = address.loadUnaligned(as: sockaddr_in.self).sin_addr
      self.init(bytes: withUnsafeBytes(of: host) { Array($0) })
    case (AF_INET6, MemoryLayout<sockaddr_in6>.size...):
      let host = address.loadUnaligned(as: sockaddr_in6.self).sin6_addr
      self.init(bytes: withUnsafeBytes(of: host) { Array($0) })
    default: return nil
    }
  }
}

extension IPAddress: CustomStringConvertible {
  /// The usual form.
  public var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    inet_ntop(isIPv4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// All addresses that begin with the same bits, such as `10.0.0.0/8`.
public struct IPAddressBlock: Sendable, Hashable, CustomStringConvertible {
  /// The first address.
  private let base: IPAddress
  /// How many bits are the same.
  private let length: Int

  /// Reads a block, `10.0.0.0/8` or `fd00::/8`, or a single address. The bits behind the prefix must be 0.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let base = parts.first.flatMap({ IPAddress(String($0)) }) else { return nil }
    let bits = base.bytes.count * 8
    guard parts.count == 2 else {
      (self.base, length) = (base, bits)
      return
    }
    let isNumber = (1...3).contains(parts[1].utf8.count) && parts[1].utf8.allSatisfy { (0x30...0x39).contains($0) }
    guard isNumber, let length = Int(parts[1]), length <= bits else { return nil }
    self.base = base
    self.length = length
    let isClean = (length..<bits).allSatisfy { base.bytes[$0 / 8] & (0x80 >> UInt8($0 % 8)) == 0 }
    guard isClean else { return nil }
  }

  /// Whether an address is in the block.
  public func contains(_ address: IPAddress) -> Bool {
    guard address.bytes.count == base.bytes.count else { return false }
    let whole = length / 8
    guard address.bytes.prefix(whole) == base.bytes.prefix(whole) else { return false }
    guard length % 8 > 0 else { return true }
    let mask = UInt8(truncatingIfNeeded: 0xff00 >> (length % 8))
    return (address.bytes[whole] ^ base.bytes[whole]) & mask == 0
  }

  /// The block as it is written: a single address without a length.
  public var description: String { length == base.bytes.count * 8 ? "\(base)" : "\(base)/\(length)" }
}

private import COpenSSL

/// SHA-256 and what is built on it, by libcrypto.
public enum Digest {
  /// Bytes of a SHA-256.
  public static let byteCount = 32

  /// The SHA-256 of bytes (FIPS 180-4).
  public static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    make { digest, count in
      var size = UInt32(count)
      return EVP_Digest(bytes, bytes.count, digest, &size, Algorithm.sha256.pointer, nil) == 1 && size == count
    }
  }

  /// The HMAC-SHA-256 of a message (RFC 2104). A key may have any length.
  public static func hmacSHA256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    // libcrypto takes an empty key for none. HMAC fills up short keys with zeros, so this one is the same.
    let key = key.isEmpty ? [0] : key
    return make { digest, count in
      var size = 0
      let written = EVP_Q_mac(
        Algorithm.context.pointer, "HMAC", nil, "SHA256", nil, key, key.count, message, message.count, digest, count,
        &size)
      return written != nil && size == count
    }
  }

  /// Compares in a time that depends on the lengths alone, so that it does not show how much of a guess is right.
  public static func areEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool {
    one.count == other.count && CRYPTO_memcmp(one, other, one.count) == 0
  }

  /// Bytes in hexadecimal, in lower case.
  public static func hex(_ bytes: [UInt8]) -> String {
    var digits: [UInt8] = []
    digits.reserveCapacity(2 * bytes.count)
    for byte in bytes { for half in [byte >> 4, byte & 15] { digits.append(half + (half < 10 ? 48 : 87)) } }
    return String(decoding: digits, as: UTF8.self)
  }

  /// The bytes that a text in hexadecimal encodes, in either case; nil if it is none.
  public static func bytes(hex text: some StringProtocol) -> [UInt8]? {
    let digits = text.utf8.compactMap { digit -> UInt8? in
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
      default: nil
      }
    }
    guard digits.count == text.utf8.count, digits.count.isMultiple(of: 2) else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  /// Nothing but a lack of memory makes libcrypto fail here, and Swift ends the process for that, too.
  private static func make(_ write: (UnsafeMutablePointer<UInt8>, Int) -> Bool) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      guard let start = buffer.baseAddress, write(start, byteCount) else { fatalError("libcrypto makes no SHA-256") }
      count = byteCount
    }
  }
}

/// What libcrypto makes once and keeps; it may be used by all threads.
private struct Algorithm: @unchecked Sendable {
  let pointer: OpaquePointer

  /// A separate context: the host's openssl.cnf, which can switch SHA-256 off, counts for the default one only.
  /// Nothing is freed when the process ends, because other threads may still be using it.
  static let context: Self = {
    OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
    guard let context = OSSL_LIB_CTX_new() else { fatalError("libcrypto makes no context") }
    return Self(pointer: context)
  }()

  static let sha256: Self = {
    guard let digest = EVP_MD_fetch(context.pointer, "SHA256", nil) else { fatalError("libcrypto has no SHA-256") }
    return Self(pointer: digest)
  }()
}

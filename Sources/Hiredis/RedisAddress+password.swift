import Glibc

extension RedisAddress {
  /// The password for the next login: the content of `passwordFile`, or else `password`.
  func currentPassword() throws(LinkFailure) -> String? {
    try Login(user: user, password: password, passwordFile: passwordFile).currentPassword()
  }
}

extension RedisAddress.Login {
  private static let longestPassword = 64 << 10  // bytes

  /// The password for the next login: the content of `passwordFile`, or else `password`.
  func currentPassword() throws(LinkFailure) -> String? {
    guard let passwordFile else { return password }
    return try Self.readPassword(from: passwordFile)
  }

  private static func readPassword(from path: String) throws(LinkFailure) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw unreadable(path) }
    defer { Glibc.close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: longestPassword)
    var count = 0
    while count < bytes.count {
      let room = bytes.count - count
      let piece = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress.map { $0 + count }, room) }
      if piece < 0 { throw unreadable(path) }
      if piece == 0 { break }
      count += piece
    }
    let lineBreaks = [UInt8(ascii: "\n"), UInt8(ascii: "\r")]
    let password = bytes[..<count].filter { !lineBreaks.contains($0) }
    if password.isEmpty {
      throw LinkFailure("the password file \(path) is empty", remedy: "write Redis's password into it")
    }
    return String(decoding: password, as: UTF8.self)
  }

  private static func unreadable(_ path: String) -> LinkFailure {
    let reason = LinkFailure("cannot read the password file \(path)", errno: errno).reason
    return LinkFailure(reason, remedy: "let the user of this process read it")
  }
}

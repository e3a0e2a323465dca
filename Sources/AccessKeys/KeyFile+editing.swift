extension KeyFile {
  /// The comment that a new file begins with.
  static let head = """
    # Who may use wf's API: a line per key with a name, the SHA-256 of the key, a role (user, read, admin) and limits
    # (requests_s=, runs=, bytes=, cost_day=). `wf keys` changes this file, and so may you; the API reads it again by
    # itself.

    """

  /// The text with one more key.
  public static func text(of file: KeyFile?, adding key: AccessKey) -> [UInt8] {
    (file?.text ?? Array(head.utf8)) + Array("\(key.line)\n".utf8)
  }

  /// The text without the keys for which a function holds. It is never empty, which a file is while it is written.
  public func text(without isRevoked: (AccessKey) -> Bool) -> [UInt8] {
    let rest = lines.filter { line in line.key.map { !isRevoked($0) } ?? true }
    return rest.isEmpty ? Array(KeyFile.head.utf8) : KeyFile.joined(rest)
  }

  private var text: [UInt8] { KeyFile.joined(lines) }

  private static func joined(_ lines: [Line]) -> [UInt8] {
    lines.flatMap { Array($0.bytes) + [UInt8(ascii: "\n")] }
  }
}

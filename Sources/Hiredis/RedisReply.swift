/// What Redis answered to one command.
///
/// Replies may be nested seven levels deep, which is hiredis's limit.
public enum RedisReply: Sendable, Equatable {
  /// No value: a missing key, or Lua's `false`.
  case null
  /// A number.
  case integer(Int)
  /// A bulk string: any bytes, as they were stored.
  case bytes([UInt8])
  /// A short word about what was done, such as `OK`.
  case status(String)
  /// Several replies.
  case array([RedisReply])
  /// An error inside an array.
  ///
  /// At the top level an error is thrown instead.
  case error(RedisReplyError)

  /// The bytes of a bulk string or of a status.
  public var bytesValue: [UInt8]? {
    switch self {
    case .bytes(let bytes): bytes
    case .status(let text): Array(text.utf8)
    default: nil
    }
  }

  /// The text of a bulk string or of a status; nil if the bytes are not UTF-8.
  public var string: String? {
    switch self {
    case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
    case .status(let text): text
    default: nil
    }
  }

  /// The number, also of a bulk string that spells one, as fields of a hash do.
  public var int: Int? {
    if case .integer(let number) = self { return number }
    return string.flatMap { Int($0) }
  }

  /// The elements of an array.
  public var array: [RedisReply]? {
    if case .array(let elements) = self { return elements }
    return nil
  }

  /// True for `null`.
  public var isNull: Bool { self == .null }
}

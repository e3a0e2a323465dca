/// The reply to one command. Arrays may be nested seven levels deep, which is hiredis's limit.
public enum RedisReply: Sendable, Equatable {
  /// No value: a missing key, or Lua's `false`.
  case null
  /// A number.
  case integer(Int)
  /// A bulk string: any bytes.
  case bytes([UInt8])
  /// A status, such as `OK`.
  case status(String)
  /// Several replies.
  case array([RedisReply])
  /// An error inside an array. An error at the top level is thrown instead.
  case error(RedisReplyError)

  /// The bytes of a bulk string or a status; nil for other replies.
  public var bytesValue: [UInt8]? {
    switch self {
    case .bytes(let bytes): bytes
    case .status(let text): Array(text.utf8)
    default: nil
    }
  }

  /// The text of a bulk string or a status; nil for other replies and for bytes that are not UTF-8.
  public var string: String? {
    switch self {
    case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
    case .status(let text): text
    default: nil
    }
  }

  /// An integer, also from a bulk string in decimal, such as a field of a hash.
  public var int: Int? {
    if case .integer(let number) = self { return number }
    return string.flatMap { Int($0) }
  }

  /// The elements of an array; nil for other replies.
  public var array: [RedisReply]? {
    if case .array(let elements) = self { return elements }
    return nil
  }

  /// Whether the reply is `null`.
  public var isNull: Bool {
    if case .null = self { true } else { false }
  }
}

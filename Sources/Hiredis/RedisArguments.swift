import LinuxSupport

/// The words of one command, stored in wire format: one buffer of RESP bulk strings, and their number.
///
/// ```swift
/// var arguments: RedisArguments = ["RPUSH", "letters"]
/// arguments.append(payload)
/// ```
public struct RedisArguments: Sendable, ExpressibleByArrayLiteral {
  /// The number of words.
  public private(set) var count = 0

  private var bulkStrings: [UInt8] = []

  /// Creates a command without words.
  public init() {}

  /// Creates a command from words.
  public init(arrayLiteral words: String...) {
    for word in words { append(word) }
  }

  /// Reserves memory for a number of bytes, so that large values are copied only once.
  public mutating func reserveCapacity(_ bytes: Int) {
    bulkStrings.reserveCapacity(bytes)
  }

  /// The size of all words in wire format, in bytes.
  public var size: Int { bulkStrings.count }

  /// Adds a text in UTF-8.
  public mutating func append(_ text: String) {
    text.utf8.span.withUnsafeBufferPointer { append($0) }
  }

  /// Adds a number in decimal.
  public mutating func append(_ number: Int) {
    append(String(number))
  }

  /// Adds bytes unchanged; any value is allowed, including zero.
  public mutating func append(_ bytes: [UInt8]) {
    bytes.withUnsafeBufferPointer { append($0) }
  }

  /// Adds a part of some bytes as it is.
  public mutating func append(_ bytes: ArraySlice<UInt8>) {
    bytes.withUnsafeBufferPointer { append($0) }
  }

  private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    bulkStrings.appendHeader("$", bytes.count)
    bulkStrings.append(contentsOf: bytes)
    bulkStrings.append(UInt8(ascii: "\r"))
    bulkStrings.append(UInt8(ascii: "\n"))
    count += 1
  }

  /// Adds all words of another command.
  public mutating func append(contentsOf other: RedisArguments) {
    bulkStrings.append(contentsOf: other.bulkStrings)
    count += other.count
  }

  /// The command in wire format: the number of words, then the words.
  var frame: [UInt8] { Self.frame(of: [self]) }

  /// Several commands in wire format, one after the other.
  static func frame(of commands: [RedisArguments]) -> [UInt8] {
    var frame: [UInt8] = []
    frame.reserveCapacity(commands.reduce(0) { $0 + $1.size + 16 })
    for command in commands {
      precondition(command.count > 0, "a command has at least one word")
      frame.appendHeader("*", command.count)
      frame.append(contentsOf: command.bulkStrings)
    }
    return frame
  }
}

extension [UInt8] {
  fileprivate mutating func appendHeader(_ type: Unicode.Scalar, _ number: Int) {
    append(UInt8(ascii: type))
    append(decimal: number)
    append(UInt8(ascii: "\r"))
    append(UInt8(ascii: "\n"))
  }
}

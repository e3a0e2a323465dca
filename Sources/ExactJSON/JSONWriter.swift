/// Writes compact JSON text: no white space, and only the escapes that RFC 8259 requires.
public enum JSONWriter {
  /// Appends a string in quotes. Escapes `"`, `\` and the control characters below U+0020.
  public static func append(string: String, to buffer: inout [UInt8]) {
    buffer.append(UInt8(ascii: "\""))
    string.utf8.span.withUnsafeBufferPointer { appendEscaped($0, to: &buffer) }
    buffer.append(UInt8(ascii: "\""))
  }

  /// Appends a value.
  static func append(_ value: JSONValue, to buffer: inout [UInt8]) {
    switch value {
    case .null: append(verbatim: "null", to: &buffer)
    case .bool(let value): append(verbatim: value ? "true" : "false", to: &buffer)
    case .number(let number): append(verbatim: number.text, to: &buffer)
    case .string(let string): append(string: string, to: &buffer)
    case .array(let elements): append(elements, to: &buffer)
    case .object(let object): append(object.members, to: &buffer)
    }
  }

  private static func append(_ elements: [JSONValue], to buffer: inout [UInt8]) {
    buffer.append(UInt8(ascii: "["))
    var isFirst = true
    for element in elements {
      if !isFirst { buffer.append(UInt8(ascii: ",")) }
      isFirst = false
      append(element, to: &buffer)
    }
    buffer.append(UInt8(ascii: "]"))
  }

  private static func append(_ members: [JSONObject.Member], to buffer: inout [UInt8]) {
    buffer.append(UInt8(ascii: "{"))
    var isFirst = true
    for member in members {
      if !isFirst { buffer.append(UInt8(ascii: ",")) }
      isFirst = false
      append(string: member.key, to: &buffer)
      buffer.append(UInt8(ascii: ":"))
      append(member.value, to: &buffer)
    }
    buffer.append(UInt8(ascii: "}"))
  }

  /// Appends a text that is JSON, or a part of it.
  public static func append(verbatim text: String, to buffer: inout [UInt8]) {
    text.utf8.span.withUnsafeBufferPointer { buffer.append(contentsOf: $0) }
  }

  private static func appendEscaped(_ bytes: UnsafeBufferPointer<UInt8>, to buffer: inout [UInt8]) {
    var position = 0
    while true {
      let end = PlainRun.end(from: position, in: bytes)
      buffer.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[position..<end]))
      guard end < bytes.count else { return }
      appendEscape(of: bytes[end], to: &buffer)
      position = end + 1
    }
  }

  /// The bytes of a string between its quotes, escapes included.
  static func escapedCount(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var count = bytes.count
    var position = PlainRun.end(from: 0, in: bytes)
    while position < bytes.count {
      // Two characters, or `\u` and four digits.
      count += hasShortEscape(bytes[position]) ? 1 : 5
      position = PlainRun.end(from: position + 1, in: bytes)
    }
    return count
  }

  private static func hasShortEscape(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x08, 0x09, 0x0A, 0x0C, 0x0D, UInt8(ascii: "\""), UInt8(ascii: "\\"): true
    default: false
    }
  }

  private static func appendEscape(of byte: UInt8, to buffer: inout [UInt8]) {
    buffer.append(UInt8(ascii: "\\"))
    switch byte {
    case 0x08: buffer.append(UInt8(ascii: "b"))
    case 0x09: buffer.append(UInt8(ascii: "t"))
    case 0x0A: buffer.append(UInt8(ascii: "n"))
    case 0x0C: buffer.append(UInt8(ascii: "f"))
    case 0x0D: buffer.append(UInt8(ascii: "r"))
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): buffer.append(byte)
    default:
      append(verbatim: byte < 0x10 ? "u000" : "u001", to: &buffer)
      append(verbatim: String(byte & 0xF, radix: 16), to: &buffer)
    }
  }
}

extension JSONValue {
  /// Appends the value as compact JSON.
  public func write(to buffer: inout [UInt8]) {
    JSONWriter.append(self, to: &buffer)
  }

  /// The value as compact JSON in UTF-8.
  public var bytes: [UInt8] {
    var buffer: [UInt8] = []
    buffer.reserveCapacity(512)
    write(to: &buffer)
    return buffer
  }

  /// The value as compact JSON.
  public var text: String { String(decoding: bytes, as: UTF8.self) }
}

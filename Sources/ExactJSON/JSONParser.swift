/// A recursive descent parser for one document in UTF-8, strictly after RFC 8259.
struct JSONParser {
  /// The whole document, not owned.
  let bytes: UnsafeBufferPointer<UInt8>
  /// The offset of the next byte, always at the boundary of a character.
  var position = 0
  private let maximumDepth: Int
  /// Whether deviations from JSON are accepted; see `JSONValue.init(leniently:)`.
  let isLenient: Bool
  private var depth = 0
  /// Finds arrays of the outermost object that were parsed before.
  private let known: JSONDocument.KnownArray?

  /// The ranges of the values of the outermost object, in order; empty for other values.
  private(set) var sources: [Range<Int>] = []

  /// Creates a parser; the bytes must outlive it.
  init(
    _ bytes: UnsafeBufferPointer<UInt8>, maximumDepth: Int, isLenient: Bool = false,
    known: JSONDocument.KnownArray? = nil
  ) {
    precondition(
      JSONValue.permittedDepths.contains(maximumDepth), "the maximum depth must be in \(JSONValue.permittedDepths)")
    self.bytes = bytes
    self.maximumDepth = maximumDepth
    self.isLenient = isLenient
    self.known = known
  }

  /// Parses the whole document.
  mutating func parseDocument() throws(JSONError) -> JSONValue {
    if !isLenient { try checkEncoding() }
    skipWhiteSpace()
    let value = try parseValue()
    skipWhiteSpace()
    guard position == bytes.count else { throw JSONError(.trailingText, at: position) }
    return value
  }

  private mutating func parseValue() throws(JSONError) -> JSONValue {
    switch peek() {
    case UInt8(ascii: "{"): .object(try parseObject())
    case UInt8(ascii: "["): .array(try parseArray())
    default: try parseScalar()
    }
  }

  private mutating func parseScalar() throws(JSONError) -> JSONValue {
    guard let byte = peek() else { throw JSONError(.unexpectedEnd, at: position) }
    if isLenient, skipNonNumber() { return .null }
    switch byte {
    case UInt8(ascii: "\""): return .string(try parseString())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try parseNumber())
    case UInt8(ascii: "t"): return try parseLiteral("true", .bool(true))
    case UInt8(ascii: "f"): return try parseLiteral("false", .bool(false))
    case UInt8(ascii: "n"): return try parseLiteral("null", .null)
    default: throw unexpected(expected: "a value")
    }
  }

  private mutating func parseArray() throws(JSONError) -> [JSONValue] {
    try descend()
    defer { depth -= 1 }
    var elements: [JSONValue] = []
    skipWhiteSpace()
    if skip(UInt8(ascii: "]")) { return elements }
    while true {
      elements.append(try parseValue())
      skipWhiteSpace()
      if skip(UInt8(ascii: "]")) { return elements }
      guard skip(UInt8(ascii: ",")) else { throw unexpected(expected: "',' or ']'") }
      skipWhiteSpace()
    }
  }

  private mutating func parseObject() throws(JSONError) -> JSONObject {
    try descend()
    defer { depth -= 1 }
    var object = JSONObject()
    skipWhiteSpace()
    if skip(UInt8(ascii: "}")) { return object }
    while true {
      try parseMember(into: &object)
      skipWhiteSpace()
      if skip(UInt8(ascii: "}")) { return object }
      guard skip(UInt8(ascii: ",")) else { throw unexpected(expected: "',' or '}'") }
      skipWhiteSpace()
    }
  }

  private mutating func parseMember(into object: inout JSONObject) throws(JSONError) {
    let key = try parseNewKey(of: object)
    let start = position
    let value = if let known = knownArray(of: key) { known } else { try parseValue() }
    if isLenient {
      object[key] = value
    } else {
      object.append(JSONObject.Member(key: key, value: value))
    }
    if depth == 1 { sources.append(start..<position) }
  }

  /// The value of the member whose value comes next, if that is an array of the outermost object that is known.
  private mutating func knownArray(of key: String) -> JSONValue? {
    guard let known, depth == 1, peek() == UInt8(ascii: "["), let end = ArrayScan.end(from: position, in: bytes),
      let value = known(key, Array(bytes[position..<end]))
    else { return nil }
    position = end
    return value
  }

  /// Parses a key, which must be new in the object, and the colon.
  private mutating func parseNewKey(of object: JSONObject) throws(JSONError) -> String {
    guard peek() == UInt8(ascii: "\"") else { throw unexpected(expected: "a key in double quotes") }
    let start = position
    let key = try parseString()
    if !isLenient, object.position(of: key) != nil { throw JSONError(.duplicateKey(key), at: start) }
    skipWhiteSpace()
    guard skip(UInt8(ascii: ":")) else { throw unexpected(expected: "':'") }
    skipWhiteSpace()
    return key
  }

  private mutating func parseNumber() throws(JSONError) -> JSONNumber {
    guard let end = NumberGrammar.end(ofNumberAt: position, in: bytes) else {
      throw JSONError(.invalidNumber, at: position)
    }
    defer { position = end }
    return JSONNumber(checked: text(position..<end))
  }

  private mutating func parseLiteral(_ literal: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
    let spelling = UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    for byte in spelling {
      guard skip(byte) else { throw unexpected(expected: "'\(literal)'") }
    }
    return value
  }

  /// Skips an opening bracket.
  private mutating func descend() throws(JSONError) {
    guard depth < maximumDepth else { throw JSONError(.tooDeep(limit: maximumDepth), at: position) }
    depth += 1
    position += 1
  }
}

// MARK: - Bytes

extension JSONParser {
  /// The next byte; nil at the end.
  @inline(__always)
  func peek() -> UInt8? {
    position < bytes.count ? bytes[position] : nil
  }

  /// Skips the next byte if it equals the given one.
  /// - Returns: whether it does.
  @inline(__always)
  mutating func skip(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    position += 1
    return true
  }

  @inline(__always)
  private mutating func skipWhiteSpace() {
    while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  /// The text between two offsets, both at boundaries of characters.
  func text(_ range: Range<Int>) -> String {
    String(decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
  }

  /// The error for the current character.
  func unexpected(expected: String) -> JSONError {
    guard let scalar = text(position..<bytes.count).unicodeScalars.first else {
      return JSONError(.unexpectedEnd, at: position)
    }
    return JSONError(.unexpectedCharacter(scalar, expected: expected), at: position)
  }
}

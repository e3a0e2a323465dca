import ExactJSON

/// Reads a reference from the bytes of a text, after the grammar at ``Reference``.
struct ReferenceParser {
  /// The components that were parsed; nil where they are only checked.
  typealias Path = [Reference.Component]?

  /// No document is nested so deep.
  private static let mostComponents = 1_000

  /// No array has an index with more digits.
  static let mostDigits = 18

  /// The whole text, not owned.
  private let bytes: UnsafeBufferPointer<UInt8>
  /// The offset of the next byte.
  private(set) var position: Int
  /// Whether the reference is in double braces; see ``Template``.
  private let isInBraces: Bool

  /// Creates a parser; the bytes must outlive it.
  /// - Parameter start: the offset of the root, or of the blanks before it.
  init(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int, isInBraces: Bool = false) {
    self.bytes = bytes
    self.isInBraces = isInBraces
    position = start
  }

  /// Parses a reference that takes the rest of the text.
  /// - Returns: the root; nil where the grammar is not followed.
  mutating func parseWhole(to path: inout Path) -> Reference.Root? {
    guard let root = parse(to: &path), position == bytes.count else { return nil }
    return root
  }

  /// Parses a reference with the blanks around it and the closing braces.
  /// - Returns: the root; nil where the grammar is not followed, and then the position is where that is.
  mutating func parseInBraces(to path: inout Path) -> Reference.Root? {
    _ = takeRun(Self.isBlank)
    guard let root = parse(to: &path) else { return nil }
    _ = takeRun(Self.isBlank)
    guard skip(Self.closingBrace), skip(Self.closingBrace) else { return nil }
    return root
  }

  private mutating func parse(to path: inout Path) -> Reference.Root? {
    guard let root = parseRoot() else { return nil }
    var components = 0
    while let byte = peek(), byte == Self.dot || byte == Self.opening {
      components += 1
      guard components <= Self.mostComponents, parseComponent(to: &path) else { return nil }
    }
    return root
  }

  private mutating func parseRoot() -> Reference.Root? {
    let run = takeRun { [isInBraces] in $0 != Self.dot && $0 != Self.opening && !(isInBraces && Self.endsKey($0)) }
    guard (1...WorkflowDefinition.Limit.stepIDScalars).contains(run.count) else { return nil }
    let name = text(run)
    guard StepDefinition.isValidID(name) else { return nil }
    return switch name {
    case "inputs": .inputs
    case "item": .item
    default: .step(name)
    }
  }

  private mutating func parseComponent(to path: inout Path) -> Bool {
    let isKey = peek() == Self.dot
    position += 1
    if isKey {
      let key = takeRun { [isInBraces] in
        $0 != Self.dot && $0 != Self.opening && $0 != Self.closing && !(isInBraces && Self.endsKey($0))
      }
      if key.isEmpty { return false }
      path?.append(.key(text(key)))
      return true
    }
    if peek() == Self.quote {
      guard parseString(to: &path) else { return false }
    } else if skip(UInt8(ascii: "*")) {
      path?.append(.each)
    } else {
      guard let index = parseIndex() else { return false }
      path?.append(.index(index))
    }
    return skip(Self.closing)
  }

  private mutating func parseIndex() -> Int? {
    let digits = takeRun { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return digits.count > Self.mostDigits ? nil : Int(text(digits))
  }

  /// Parses a key that is written as a JSON string, from its opening to its closing quote.
  private mutating func parseString(to path: inout Path) -> Bool {
    let start = position
    var hasEscapes = false
    position += 1
    while let byte = peek(), byte != Self.quote {
      guard byte >= 0x20 else { return false }
      if byte == Self.backslash { hasEscapes = true }
      position += byte == Self.backslash ? 2 : 1
    }
    guard skip(Self.quote) else {
      position = bytes.count
      return false
    }
    guard hasEscapes else {
      path?.append(.key(text(start + 1..<position - 1)))
      return true
    }
    guard let key = try? JSONValue(parsing: Array(bytes[start..<position])).stringValue else { return false }
    path?.append(.key(key))
    return true
  }

  // MARK: Bytes

  private static let dot = UInt8(ascii: ".")
  private static let opening = UInt8(ascii: "[")
  private static let closing = UInt8(ascii: "]")
  private static let quote = UInt8(ascii: "\"")
  private static let backslash = UInt8(ascii: "\\")
  /// The second half of what closes double braces.
  static let closingBrace = UInt8(ascii: "}")

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d }

  /// Whether a byte ends a key in double braces that is not in brackets.
  private static func endsKey(_ byte: UInt8) -> Bool {
    isBlank(byte) || byte == UInt8(ascii: "{") || byte == closingBrace || byte == quote
  }

  private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skip(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    position += 1
    return true
  }

  /// Takes bytes as long as they have a property.
  private mutating func takeRun(_ hasProperty: (UInt8) -> Bool) -> Range<Int> {
    let start = position
    while let byte = peek(), hasProperty(byte) { position += 1 }
    return start..<position
  }

  private func text(_ range: Range<Int>) -> String {
    String(decoding: UnsafeBufferPointer(rebasing: bytes[range]), as: UTF8.self)
  }
}

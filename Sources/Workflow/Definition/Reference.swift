public import ExactJSON

/// A value that a parameter borrows: `@pre`, `@pre.clean_text`, `@chunks.items[0].text`, `@inputs.text`.
///
/// Grammar: `@` root (`.` key | `[` index `]`)*, where root is a step id, `inputs` or `item`, a key is any text
/// without `.`, `[` and `]`, and an index counts from 0. A text that starts with `@@` is the literal `@…`.
public struct Reference: Sendable, Equatable {
  /// One step of the way into a document.
  public enum Component: Sendable, Equatable {
    /// A member of an object.
    case key(String)
    /// An element of an array, from 0.
    case index(Int)
  }

  /// Where the way begins.
  public enum Root: Sendable, Equatable {
    /// All that a step returned.
    case step(String)
    /// The run's inputs.
    case inputs
    /// The item at hand of a step that runs once per item.
    case item
  }

  /// Where the way begins.
  public let root: Root
  /// The way from the root.
  public let path: [Component]
  /// The reference as it was written, with its `@`.
  public let text: String

  /// The step that must be done before this reference can be resolved.
  public var step: String? {
    if case .step(let id) = root { id } else { nil }
  }

  /// How a string in a step's parameters is to be read.
  public enum Reading: Sendable, Equatable {
    /// A text that stands for itself; a leading `@@` has become `@`.
    case literal(String)
    /// A reference.
    case reference(Reference)
    /// A text that starts with `@` but follows no rule of the grammar.
    case malformed(String)
  }

  /// Reads a string of a step's parameters.
  public static func read(_ text: String) -> Reading {
    guard text.utf8.first == UInt8(ascii: "@") else { return .literal(text) }
    let rest = text.utf8.dropFirst()
    if rest.first == UInt8(ascii: "@") { return .literal(String(Substring(rest))) }
    return Reference(text).map(Reading.reference) ?? .malformed(text)
  }

  private init?(_ text: String) {
    let bytes = text.utf8.dropFirst()
    let end = bytes.firstIndex { $0 == Reference.dot || $0 == Reference.opening } ?? bytes.endIndex
    let name = Substring(bytes[..<end])
    guard StepDefinition.isValidID(name) else { return nil }
    var rest = bytes[end...]
    var path: [Component] = []
    while !rest.isEmpty {
      guard let component = Reference.takeComponent(&rest) else { return nil }
      path.append(component)
    }
    switch name {
    case "inputs": root = .inputs
    case "item": root = .item
    default: root = .step(String(name))
    }
    self.path = path
    self.text = text
  }

  private static let dot = UInt8(ascii: ".")
  private static let opening = UInt8(ascii: "[")
  private static let closing = UInt8(ascii: "]")

  private static func takeComponent(_ rest: inout Substring.UTF8View) -> Component? {
    let isKey = rest.removeFirst() == dot
    let content = rest.prefix { $0 != dot && $0 != opening && $0 != closing }
    rest = rest.dropFirst(content.count)
    if isKey { return content.isEmpty ? nil : .key(String(Substring(content))) }
    let isIndex = content.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard isIndex, rest.popFirst() == closing else { return nil }
    return Int(Substring(content)).map(Component.index)
  }

  /// Every well-formed reference in a value, at any depth, in the order in which they are written.
  public static func all(in value: JSONValue) -> [Reference] {
    var found: [Reference] = []
    collect(value, &found)
    return found
  }

  private static func collect(_ value: JSONValue, _ found: inout [Reference]) {
    switch value {
    case .string(let text):
      if case .reference(let reference) = read(text) { found.append(reference) }
    case .array(let elements):
      for element in elements { collect(element, &found) }
    case .object(let object):
      for member in object.members { collect(member.value, &found) }
    case .null, .bool, .number:
      break
    }
  }
}

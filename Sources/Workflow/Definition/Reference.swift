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
    let rest = text.unicodeScalars.dropFirst()
    if rest.first == "@" { return .literal(String(rest)) }
    return Reference(text).map(Reading.reference) ?? .malformed(text)
  }

  private init?(_ text: String) {
    var rest = text.unicodeScalars.dropFirst()
    let name = rest.prefix { $0 != "." && $0 != "[" }
    guard StepDefinition.isValidID(String(name)) else { return nil }
    rest = rest.dropFirst(name.count)
    var path: [Component] = []
    while !rest.isEmpty {
      guard let component = Reference.takeComponent(&rest) else { return nil }
      path.append(component)
    }
    switch String(name) {
    case "inputs": root = .inputs
    case "item": root = .item
    case let id: root = .step(id)
    }
    self.path = path
    self.text = text
  }

  private static func takeComponent(_ rest: inout Substring.UnicodeScalarView) -> Component? {
    if rest.first == "." {
      rest.removeFirst()
      let key = rest.prefix { $0 != "." && $0 != "[" && $0 != "]" }
      guard !key.isEmpty else { return nil }
      rest = rest.dropFirst(key.count)
      return .key(String(key))
    }
    guard rest.first == "[" else { return nil }
    let digits = rest.dropFirst().prefix { $0 != "]" }
    let isIndex = !digits.isEmpty && digits.allSatisfy { ("0"..."9").contains($0) }
    guard isIndex, let index = Int(String(digits)), rest.count > digits.count + 1 else { return nil }
    rest = rest.dropFirst(digits.count + 2)
    return .index(index)
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

import ExactJSON

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
    guard text.utf8.first == at else { return .literal(text) }
    let rest = text.utf8.dropFirst()
    if rest.first == at { return .literal(String(Substring(rest))) }
    return Reference(text).map(Reading.reference) ?? .malformed(text)
  }

  /// What a string of a step's parameters is, without the parts of a reference.
  enum Kind {
    case literal
    case malformed
    case reference(Root)
  }

  /// Tells the kind of a string; a long list of references costs much less this way than by ``read(_:)``.
  static func kind(of text: String) -> Kind {
    guard text.utf8.first == at, text.utf8.dropFirst().first != at else { return .literal }
    guard case (let root, var rest)? = split(text) else { return .malformed }
    while !rest.isEmpty {
      guard takePart(&rest) != nil else { return .malformed }
    }
    return .reference(root)
  }

  private init?(_ text: String) {
    guard case (let root, var rest)? = Reference.split(text) else { return nil }
    var path: [Component] = []
    while !rest.isEmpty {
      switch Reference.takePart(&rest) {
      case .key(let key): path.append(.key(String(Substring(key))))
      case .index(let index): path.append(.index(index))
      case nil: return nil
      }
    }
    self.root = root
    self.path = path
    self.text = text
  }

  private static let at = UInt8(ascii: "@")
  private static let dot = UInt8(ascii: ".")
  private static let opening = UInt8(ascii: "[")
  private static let closing = UInt8(ascii: "]")

  /// The root of a text that begins with `@`, and what follows it; nil where no root can stand.
  private static func split(_ text: String) -> (root: Root, rest: Substring.UTF8View)? {
    let bytes = text.utf8.dropFirst()
    let end = bytes.firstIndex { $0 == dot || $0 == opening } ?? bytes.endIndex
    let name = Substring(bytes[..<end])
    guard StepDefinition.isValidID(name) else { return nil }
    let root: Root =
      switch name {
      case "inputs": .inputs
      case "item": .item
      default: .step(String(name))
      }
    return (root, bytes[end...])
  }

  private enum Part {
    case key(Substring.UTF8View)
    case index(Int)
  }

  private static func takePart(_ rest: inout Substring.UTF8View) -> Part? {
    let isKey = rest.removeFirst() == dot
    let content = rest.prefix { $0 != dot && $0 != opening && $0 != closing }
    rest = rest[content.endIndex...]
    if isKey { return content.isEmpty ? nil : .key(content) }
    let isIndex = content.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard isIndex, rest.popFirst() == closing else { return nil }
    return Int(Substring(content)).map(Part.index)
  }
}

extension JSONValue {
  /// Calls a function with every string of the value, at any depth, in the order in which they are written.
  func forEachString(_ body: (String) -> Void) {
    switch self {
    case .string(let text): body(text)
    case .array(let elements): for element in elements { element.forEachString(body) }
    case .object(let object): for member in object.members { member.value.forEachString(body) }
    case .null, .bool, .number: break
    }
  }
}

import ExactJSON

/// A value that a parameter borrows: `@pre`, `@pre.clean_text`, `@chunks.items[0].text`, `@inputs["a.b"]`,
/// `@map.items[*].summary`.
///
/// Grammar: `@` root (`.` key | `[` index `]` | `[` string `]` | `[*]`)*, where root is a step id, `inputs` or `item`,
/// a key is any text without `.`, `[` and `]`, an index counts from 0, and a string is a key as a JSON string, with its
/// escapes. A text that starts with `@@` is the literal `@…`.
public struct Reference: Sendable, Equatable {
  /// One step of the way into a document.
  public enum Component: Sendable, Equatable {
    /// A member of an object.
    case key(String)
    /// An element of an array, from 0.
    case index(Int)
    /// Each element of an array: what follows is looked up in each, and the values are an array.
    case each
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
  /// The reference as it was written, with its `@` or its braces.
  public let text: String

  /// The step that must be done before this reference can be resolved.
  public var step: String? {
    if case .step(let id) = root { id } else { nil }
  }

  /// How a string in a step's parameters is to be read.
  public enum Reading: Sendable, Equatable {
    /// A text that is no reference; a leading `@@` has become `@`.
    case literal(String)
    /// A reference.
    case reference(Reference)
    /// A text that starts with `@` but follows no rule of the grammar.
    case malformed(String)
    /// A text with double braces.
    case template(Template)
  }

  /// Reads a string of a step's parameters.
  public static func read(_ text: String) -> Reading {
    guard text.utf8.first == at else { return plain(text) }
    let rest = text.utf8.dropFirst()
    if rest.first == at { return plain(String(Substring(rest))) }
    return Reference(text).map(Reading.reference) ?? .malformed(text)
  }

  private static func plain(_ text: String) -> Reading {
    let template = Template(text: text)
    return template.hasBraces ? .template(template) : .literal(text)
  }

  /// Puts together a reference that was parsed.
  init(root: Root, path: [Component], text: String) {
    self.root = root
    self.path = path
    self.text = text
  }

  private init?(_ text: String) {
    let reference = text.utf8.span.withUnsafeBufferPointer { Mention(whole: $0).reference }
    guard let reference else { return nil }
    self = reference
  }

  /// What a reference begins with that is a whole string.
  static let at = UInt8(ascii: "@")
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

import ExactJSON

/// A JSON Schema (draft 2020-12), in the subset that the structured outputs of model providers have.
///
/// A keyword that it does not know is a fault: an answer must not be called valid because a rule was ignored.
struct JSONSchema: Sendable {
  /// What is wrong with a schema.
  struct Fault: Error, Equatable {
    /// A JSON Pointer; empty for the schema itself.
    let path: String
    /// A part of a sentence.
    let message: String

    /// Both, for the author of the schema.
    var sentence: String { path.isEmpty ? message : "at \(path): \(message)" }
  }

  /// Types of values, as `type` names them.
  enum ValueType: String, CaseIterable, Sendable {
    case null, boolean, integer, number, string, array, object
  }

  /// Bounds of a size.
  struct Bounds: Sendable {
    var least: Int?
    var most: Int?
  }

  /// A schema within it.
  struct Node: Sendable {
    /// Whether it is `false`, which nothing fits.
    var isNever = false
    var types: [ValueType]?
    /// `enum`, or `const` alone; strings apart, to be looked up.
    var values: [JSONValue]?
    var texts: Set<ExactKey> = []
    var minimum: JSONNumber?
    var maximum: JSONNumber?
    var above: JSONNumber?
    var below: JSONNumber?
    var length = Bounds()
    var count = Bounds()
    var properties: [ExactKey: Int] = [:]
    var required: [String] = []
    var additional: Int?
    var items: Int?
    /// Schemas that the same value must fit: those of `allOf`, and that of `$ref`.
    var all: [Int] = []
    /// Of each of these lists the same value must fit one or more (`anyOf`).
    var anyOf: [Int]?
    /// The same value must fit exactly one of these (`oneOf`).
    var oneOf: [Int]?
  }

  /// Bytes of a schema at most, as JSON text: it goes with every call.
  static let longest = 64 << 10
  /// Levels of schemas in each other at most, references not counted.
  static let deepest = 32

  /// All schemas within it, the first of which is the schema itself.
  let nodes: [Node]

  /// Reads a schema.
  /// - Parameter isWritten: whether it is as a step has it: a reference, which may bring anything, is taken as it is.
  /// - Throws: the first fault.
  init(_ json: JSONValue, isWritten: Bool = false) throws(Fault) {
    guard json.byteCount(atMost: Self.longest) != nil else {
      throw Fault(path: "", message: "it takes more than \(Self.longest) bytes")
    }
    var reader = JSONSchemaReader(isWritten: isWritten)
    nodes = try reader.read(json)
  }
}

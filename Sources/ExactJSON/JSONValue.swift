/// A JSON value that preserves the document: the text of numbers and the order of members.
///
/// Values are equal if their numbers have the same text, their strings the same scalars, and their objects the same
/// members in any order. So `1.0` and `1` differ, and so do a composed and a decomposed `é`.
///
/// The depth of a value is not limited, but the parser has a limit, and writing, comparing and releasing a value need
/// stack in proportion to its depth.
public enum JSONValue: Sendable {
  /// The literal `null`.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// A number, by its text.
  case number(JSONNumber)
  /// A string, with its escapes resolved.
  case string(String)
  /// The elements of an array, in order.
  case array([JSONValue])
  /// The members of an object, in order.
  case object(JSONObject)
}

extension JSONValue {
  /// The type's name in JSON Schema, for messages: `null`, `boolean`, `number`, `string`, `array` or
  /// `object`.
  public var typeName: String {
    switch self {
    case .null: "null"
    case .bool: "boolean"
    case .number: "number"
    case .string: "string"
    case .array: "array"
    case .object: "object"
    }
  }

  /// The boolean; nil for other types of values.
  public var boolValue: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  /// The number; nil for other types of values.
  public var numberValue: JSONNumber? {
    if case .number(let value) = self { value } else { nil }
  }

  /// The string; nil for other types of values.
  public var stringValue: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The elements; nil for other types of values.
  public var arrayValue: [JSONValue]? {
    if case .array(let value) = self { value } else { nil }
  }

  /// The members; nil for other types of values.
  public var objectValue: JSONObject? {
    if case .object(let value) = self { value } else { nil }
  }
}

extension JSONValue: Equatable {
  /// Whether both are equal, apart from the order of an object's members.
  public static func == (left: JSONValue, right: JSONValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let left), .bool(let right)): left == right
    case (.number(let left), .number(let right)): left == right
    case (.string(let left), .string(let right)): left.hasSameScalars(as: right)
    case (.array(let left), .array(let right)): left == right
    case (.object(let left), .object(let right)): left == right
    case (.null, _), (.bool, _), (.number, _), (.string, _), (.array, _), (.object, _): false
    }
  }
}

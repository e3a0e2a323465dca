public import ExactJSON

/// One fault of a submitted body, in the shape that clients of FastAPI know (Pydantic's `type`, `loc`, `msg`, `input`).
public struct ValidationFault: Error, Sendable, Equatable {
  /// One part of the way to the fault.
  public enum Element: Sendable, Equatable {
    /// A member of an object.
    case key(String)
    /// An element of an array, or an offset into the body.
    case index(Int)
  }
  /// The way from the body to the fault.
  public typealias Location = [Element]

  /// What of a body is repeated at most, so that an answer is not larger than the body that it complains about.
  private enum Limit {
    static let keyBytes = 128
    static let elements = 32
    static let messageBytes = 2_000
    static let inputBytes = 500
  }

  /// Pydantic's name for the kind of fault.
  public let type: String
  /// Where it is; of a long way the two ends, with `…` between them.
  public let location: Location
  /// One sentence for the author of the body, cut when it is long.
  public let message: String
  /// The rejected value, shortened when it is long.
  public let input: JSONValue

  /// A fault at a place.
  public init(_ type: String, _ location: Location, _ message: String, input: JSONValue) {
    self.type = type
    self.location = ValidationFault.shortened(location)
    self.message = message.cut(toBytes: Limit.messageBytes)
    self.input = ValidationFault.shortened(input)
  }

  /// The same fault with more words at the end of its message.
  func adding(_ words: String) -> Self { Self(type, location, "\(message) \(words)", input: input) }

  /// The fault as FastAPI writes it.
  public var json: JSONValue {
    let path = location.map { element -> JSONValue in
      switch element {
      case .key(let key): .string(key)
      case .index(let index): .number(JSONNumber(index))
      }
    }
    return ["type": .string(type), "loc": .array(path), "msg": .string(message), "input": input]
  }

  /// Whether the value has another type.
  var isTypeFault: Bool { type.hasSuffix("_type") }

  private static func shortened(_ location: Location) -> Location {
    let half = Limit.elements / 2
    let elements =
      location.count <= Limit.elements ? location : location.prefix(half) + [.key("…")] + location.suffix(half)
    return elements.map { element in
      if case .key(let key) = element { .key(key.cut(toBytes: Limit.keyBytes)) } else { element }
    }
  }

  private static func shortened(_ input: JSONValue) -> JSONValue {
    switch input {
    case .null, .bool: return input
    case .number(let number):
      return number.text.utf8.count <= Limit.inputBytes ? input : .string("a number of many digits")
    case .string(let text):
      return text.utf8.count <= Limit.inputBytes
        ? input : .string(String(String.UnicodeScalarView(text.unicodeScalars.prefix(100))) + "…")
    case .array(let elements): return isShort(input) ? input : .string("an array of \(elements.count)")
    case .object(let object): return isShort(input) ? input : .string("an object of \(object.count)")
    }
  }

  private static func isShort(_ input: JSONValue) -> Bool { input.byteCount(atMost: Limit.inputBytes) != nil }
}

extension ValidationFault {
  static func missing(_ place: Location, in parent: JSONValue) -> Self {
    Self("missing", place, "Field required", input: parent)
  }
  /// - Parameter known: the names that may be there; nil where another fault of the same object has said them.
  static func extraForbidden(_ place: Location, _ value: JSONValue, known: [String]?) -> Self {
    var message = "Extra inputs are not permitted"
    if let known { message += known.isEmpty ? "; there are none here" : "; known are \(known.joined(separator: ", "))" }
    return Self("extra_forbidden", place, message, input: value)
  }
  static func stringType(_ place: Location, _ value: JSONValue) -> Self {
    Self("string_type", place, "Input should be a valid string", input: value)
  }
  static func integerType(_ place: Location, _ value: JSONValue) -> Self {
    Self("int_type", place, "Input should be a valid integer", input: value)
  }
  static func numberType(_ place: Location, _ value: JSONValue) -> Self {
    Self("float_type", place, "Input should be a valid number", input: value)
  }
  static func booleanType(_ place: Location, _ value: JSONValue) -> Self {
    Self("bool_type", place, "Input should be a valid boolean", input: value)
  }
  static func objectType(_ place: Location, _ value: JSONValue) -> Self {
    Self("dict_type", place, "Input should be a valid dictionary", input: value)
  }
  static func arrayType(_ place: Location, _ value: JSONValue) -> Self {
    Self("list_type", place, "Input should be a valid list", input: value)
  }
  static func stringTooLong(_ place: Location, _ value: JSONValue, limit: Int) -> Self {
    Self("string_too_long", place, "String should have at most \(limit) characters", input: value)
  }
  static func outOfRange(_ place: Location, _ value: JSONValue, _ low: String, _ high: String) -> Self {
    Self("value_error", place, "Value error, Input should be from \(low) to \(high)", input: value)
  }
  static func value(_ place: Location, _ value: JSONValue, _ message: String) -> Self {
    Self("value_error", place, "Value error, \(message)", input: value)
  }
  static func unknownStep(_ id: String, _ place: Location, _ value: JSONValue) -> Self {
    .value(place, value, "there is no step \(id.cut(toBytes: 200))")
  }
  static func wrongCount(_ place: Location, _ value: JSONValue, _ count: Int, limit: Int) -> Self {
    let (type, bound) = count == 0 ? ("too_short", "least 1 item") : ("too_long", "most \(limit) items")
    return Self(type, place, "List should have at \(bound) after validation, not \(count)", input: value)
  }
  static func notOneOf(_ place: Location, _ value: JSONValue, _ alternatives: String) -> Self {
    Self("literal_error", place, "Input should be \(alternatives)", input: value)
  }
}

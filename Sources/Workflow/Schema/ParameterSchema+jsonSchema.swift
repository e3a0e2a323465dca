package import ExactJSON

extension ParameterSchema.Kind {
  /// The JSON Schema of a literal value.
  var schema: JSONObject {
    switch self {
    case .any: return [:]
    case .string(let limit):
      return limit == .max ? ["type": "string"] : ["type": "string", "maxLength": .number(JSONNumber(limit))]
    case .integer(let range):
      var schema: JSONObject = ["type": "integer"]
      if range.lowerBound != .min { schema["minimum"] = .number(JSONNumber(range.lowerBound)) }
      if range.upperBound != .max { schema["maximum"] = .number(JSONNumber(range.upperBound)) }
      return schema
    case .number(let range):
      return [
        "type": "number", "minimum": .number(JSONNumber(shortest: range.lowerBound)),
        "maximum": .number(JSONNumber(shortest: range.upperBound)),
      ]
    case .oneOf(let texts): return ["type": "string", "enum": .array(texts.map(JSONValue.string))]
    case .boolean: return ["type": "boolean"]
    case .array: return ["type": "array"]
    case .object: return ["type": "object"]
    case .oneOrMore(let kind, let limit):
      return ["anyOf": [.object(kind.schema), Self.array(of: kind.schema, atMost: limit)]]
    case .checked(let kind, _): return kind.schema
    }
  }

  /// The JSON Schema of a value as it is written in a step, where a reference may replace it.
  var writtenSchema: JSONObject {
    let reference = JSONValue.object(Field.reference("Reference"))
    switch self {
    case .any: return Field.reference("Value")
    case .string(.max): return Field.reference("Text")
    case .string(let limit):
      let text = Field.reference("Text").merging(["maxLength": .number(JSONNumber(limit))])
      // A literal @ is written twice and counts once.
      let escaped = Field.reference("Text").merging([
        "pattern": "^@@", "maxLength": .number(JSONNumber(limit &+ 1)),
      ])
      return ["anyOf": [.object(text), .object(escaped), reference]]
    case .oneOf(let texts):
      let written = texts.map { JSONValue.string($0.utf8.first == Reference.at ? "@" + $0 : $0) }
      return ["anyOf": [["type": "string", "enum": .array(written)], reference]]
    case .array: return ["anyOf": [["type": "array", "items": .object(Field.reference("Value"))], reference]]
    case .object:
      return ["anyOf": [["type": "object", "additionalProperties": .object(Field.reference("Value"))], reference]]
    case .oneOrMore(let kind, let limit):
      let one = kind.writtenSchema
      // What reads only the first form, such as an older API, takes single values.
      let forms = (one["anyOf"]?.arrayValue ?? [.object(one)]).filter { $0 != reference }
      return ["anyOf": .array(forms + [Self.array(of: one, atMost: limit), reference])]
    case .checked(let kind, _): return kind.writtenSchema
    case .integer, .number, .boolean: return ["anyOf": [.object(schema), reference]]
    }
  }

  private static func array(of element: JSONObject, atMost limit: Int) -> JSONValue {
    [
      "type": "array", "items": .object(element), "minItems": 1, "maxItems": .number(JSONNumber(limit)),
      "uniqueItems": true,
    ]
  }

  /// The name of the type, as the page Contract writes it.
  var typeWord: String {
    switch self {
    case .any: "any JSON"
    case .string, .oneOf: "string"
    case .integer: "integer"
    case .number: "number"
    case .boolean: "boolean"
    case .array: "array"
    case .object: "object"
    case .oneOrMore(let kind, _): "\(kind.typeWord) or array"
    case .checked(let kind, _): kind.typeWord
    }
  }

  /// The values that are allowed, as the page Contract writes them.
  var rangeWords: String {
    switch self {
    case .string(let limit): limit == .max ? "" : "0 to \(limit.grouped) characters"
    case .integer(let range): "\(range.lowerBound.grouped) to \(range.upperBound.grouped)"
    case .number(let range):
      "\(JSONNumber(shortest: range.lowerBound).words) to \(JSONNumber(shortest: range.upperBound).words)"
    case .oneOf(let texts): ParameterSchema.Kind.alternatives(texts).replacing("'", with: "`")
    case .oneOrMore(let kind, let limit): "\(kind.rangeWords); or an array of 1 to \(limit.grouped)"
    case .any, .boolean, .array, .object: ""
    case .checked(let kind, _): kind.rangeWords
    }
  }
}

extension ParameterSchema {
  /// The JSON Schema of `params` as they are written in a step.
  package var schema: JSONObject {
    var schema = Field.object(
      parameters.map { parameter in
        Field(
          parameter.name, .other("", parameter.kind.writtenSchema),
          default: parameter.isRequired ? .required : parameter.defaultValue.map(Field.Default.value) ?? .none,
          parameter.summary)
      })
    let exclusions = rules.flatMap(\.exclusions)
    if !exclusions.isEmpty { schema["not"] = ["anyOf": .array(exclusions)] }
    let choices = rules.compactMap(\.choice)
    if !choices.isEmpty { schema["allOf"] = .array(choices) }
    return schema
  }

  /// Whether a step may leave out its `params`.
  var isOptional: Bool { !parameters.contains(where: \.isRequired) && rules.allSatisfy { $0.choice == nil } }
}

extension ParameterSchema.Rule {
  /// What must not be, as far as JSON Schema can say it: it compares no two values.
  fileprivate var exclusions: [JSONValue] {
    let names: [String]
    switch self {
    case .atMostOne(let some), .exactlyOne(let some): names = some
    case .less, .absent: return []
    }
    return names.indices.flatMap { first in
      names[(first + 1)...].map { ["required": [.string(names[first]), .string($0)]] }
    }
  }

  /// Of what one must be; nil for a rule that asks for nothing.
  fileprivate var choice: JSONValue? {
    guard case .exactlyOne(let names) = self else { return nil }
    return ["anyOf": .array(names.map { ["required": [.string($0)]] })]
  }
}

extension JSONObject {
  /// The object with the members of another one at its end.
  package func merging(_ other: JSONObject) -> JSONObject {
    other.members.reduce(into: self) { $0[$1.key] = $1.value }
  }
}

extension JSONNumber {
  /// A number of the tables of fields, without `.0`.
  init(shortest value: Double) {
    self = Int(exactly: value).map { JSONNumber($0) } ?? JSONNumber(text: "\(value)") ?? JSONNumber(0)
  }

  init(seconds duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self.init(shortest: Double(seconds) + Double(attoseconds) / 1e18)
  }

  fileprivate var words: String { int?.grouped ?? text }
}

extension Int {
  /// The number with commas between thousands.
  var grouped: String {
    let digits = Array("\(magnitude)")
    let text = digits.enumerated().reduce(into: "") { text, digit in
      if digit.offset > 0, (digits.count - digit.offset).isMultiple(of: 3) { text.append(",") }
      text.append(digit.element)
    }
    return self < 0 ? "-" + text : text
  }
}

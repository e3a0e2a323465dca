public import ExactJSON

/// The schema as a worker announces it to the API, and back: its JSON Schema, with what that cannot say under names
/// that JSON Schema ignores.
extension ParameterSchema {
  private enum Name {
    static let rules = "x-rules"
    static let settings = "x-settings"
  }

  /// Parameters of an operation that is announced; more are not read.
  private static let mostParameters = 200
  /// Bytes of a default that is announced, as JSON text: it comes into each step that leaves the parameter out.
  private static let mostDefaultBytes = 16 << 10

  /// The schema as JSON. Checks by functions are left out: only the program that has them can make them.
  public var announcement: JSONObject {
    var announced = schema
    if !rules.isEmpty { announced[Name.rules] = .array(rules.map(\.announcement)) }
    let settings = parameters.compactMap { parameter in
      parameter.setting.map { (parameter.name, JSONValue.string($0)) }
    }
    if !settings.isEmpty { announced[Name.settings] = .object(JSONObject(settings)) }
    return announced
  }

  /// Reads an announced schema; nil when it is none. A parameter whose schema has a form that this version does not
  /// know takes any value: the worker checks it when the step starts.
  public init?(announcement: JSONObject) {
    guard announcement["type"] == "object", let properties = announcement["properties"]?.objectValue,
      properties.count <= Self.mostParameters
    else { return nil }
    let required = announcement["required"]?.arrayValue ?? []
    let settings = announcement[Name.settings]?.objectValue ?? JSONObject()
    guard required.allSatisfy({ name in name.stringValue.map { properties[$0] != nil } ?? false }) else { return nil }
    var parameters: [Parameter] = []
    for member in properties.members {
      guard let schema = member.value.objectValue, let kind = Kind(written: schema) else { return nil }
      let summary = schema["description"]?.stringValue ?? ""
      if required.contains(.string(member.key)) {
        parameters.append(Parameter(required: member.key, kind, summary: summary))
      } else {
        let value = schema["default"]
        if let value, value.bytes.count > Self.mostDefaultBytes { return nil }
        parameters.append(
          Parameter(
            member.key, kind, default: value, setting: settings[member.key]?.stringValue, summary: summary))
      }
    }
    let rules = (announcement[Name.rules]?.arrayValue ?? []).compactMap { Rule(announcement: $0) }
    self.init(parameters, rules: rules)
  }
}

extension ParameterSchema.Kind {
  /// Reads what ``writtenSchema`` has written: `any` for a form that is not known, nil where a bound makes no sense.
  fileprivate init?(written schema: JSONObject) {
    self = .any
    if schema["$ref"] == Field.reference("Text")["$ref"] { self = .string() }
    let options = (schema["anyOf"]?.arrayValue ?? []).compactMap(\.objectValue).filter {
      $0 != Field.reference("Reference")
    }
    guard let option = options.first else { return }
    if option["$ref"] == Field.reference("Text")["$ref"], let limit = option["maxLength"]?.numberValue {
      guard let limit = limit.int, limit >= 0 else { return nil }
      self = .string(maxScalars: limit)
    } else if let values = option["enum"] {
      guard let texts = values.arrayValue?.compactMap(\.stringValue), texts.count == values.arrayValue?.count,
        texts.count <= 1_000
      else { return nil }
      self = .oneOf(texts.map { $0.utf8.starts(with: "@@".utf8) ? String($0.dropFirst()) : $0 })
    } else if let kind = Self.plain(option) {
      guard let kind else { return nil }
      self = kind
    }
    guard let list = options.dropFirst().last, list["type"] == "array" else { return }
    guard let bound = list["maxItems"] else {
      self = .any
      return
    }
    guard let limit = bound.numberValue?.int, (1...1_000).contains(limit) else { return nil }
    self = .oneOrMore(self, atMost: limit)
  }

  /// A kind that a `type` names; nil as its value where a bound makes no sense, and nil for any other type.
  private static func plain(_ schema: JSONObject) -> Self?? {
    let bounds = (schema["minimum"] ?? .null, schema["maximum"] ?? .null)
    switch schema["type"]?.stringValue {
    case "integer": return .some(range(bounds, .min ... .max) { $0.int }.map { .integer($0) })
    case "number": return .some(range(bounds, -.infinity ... .infinity) { $0.double }.map { .number($0) })
    case "boolean": return .boolean
    case "array": return .array
    case "object": return .object
    default: return nil
    }
  }

  /// The range between two bounds, where null is none; nil when they are no numbers, or in the wrong order.
  private static func range<Number: Comparable>(
    _ bounds: (JSONValue, JSONValue), _ widest: ClosedRange<Number>, _ read: (JSONNumber) -> Number?
  ) -> ClosedRange<Number>? {
    func bound(_ value: JSONValue, _ other: Number) -> Number? {
      value == .null ? other : value.numberValue.flatMap(read)
    }
    guard let low = bound(bounds.0, widest.lowerBound), let high = bound(bounds.1, widest.upperBound), low <= high
    else { return nil }
    return low...high
  }
}

extension ParameterSchema.Rule {
  fileprivate var announcement: JSONValue {
    switch self {
    case .atMostOne(let names): ["at_most_one": .array(names.map(JSONValue.string))]
    case .exactlyOne(let names): ["exactly_one": .array(names.map(JSONValue.string))]
    case .less(let name, let other): ["less": [.string(name), .string(other)]]
    case .absent(let name, let other, let text): ["absent": [.string(name), .string(other), .string(text)]]
    }
  }

  /// Reads a rule; nil for one that this version does not know: the worker checks it when the step starts.
  fileprivate init?(announcement: JSONValue) {
    guard let rule = announcement.objectValue?.members.first,
      let words = rule.value.arrayValue?.compactMap(\.stringValue)
    else { return nil }
    switch (rule.key, words.count) {
    case ("at_most_one", 2...100): self = .atMostOne(words)
    case ("exactly_one", 2...100): self = .exactlyOne(words)
    case ("less", 2): self = .less(words[0], than: words[1])
    case ("absent", 3): self = .absent(words[0], where: words[1], is: words[2])
    default: return nil
    }
  }
}

public import ExactJSON

/// A step's `when`: the step runs only where it holds.
///
/// Grammar, each an object with one key; an operand is any JSON, in which a reference is replaced by its value:
///
/// ```
/// {"eq": [operand, operand]}   also ne; numbers by their value, texts by their scalars, objects in any order of keys
/// {"lt": [operand, operand]}   also le, gt, ge; two numbers, or two texts by their scalars
/// {"in": [operand, operand]}   whether an array has such an element, or an object such a key; null has none
/// {"exists": "@reference"}     whether it leads to something that is not null
/// {"empty": operand}           whether it is null, "", [] or {}; a reference that leads nowhere is empty
/// {"and": [condition, …]}, {"or": [condition, …]}, {"not": condition}
/// ```
public indirect enum Condition: Sendable, Equatable {
  case equal(JSONValue, JSONValue, isNegated: Bool)
  case order(Order, JSONValue, JSONValue)
  case contains(element: JSONValue, in: JSONValue)
  case exists(JSONValue)
  case empty(JSONValue)
  case all([Condition])
  case any([Condition])
  case not(Condition)

  /// A comparison of two values that have an order.
  public enum Order: String, Sendable, Equatable, CaseIterable {
    case lt, le, gt, ge
  }

  /// The keys of all kinds.
  private static let keys = ["eq", "ne", "lt", "le", "gt", "ge", "in", "exists", "empty", "and", "or", "not"]
  private static let keyMessage =
    "a condition is an object with one of the keys \(ParameterSchema.Kind.alternatives(keys))"

  /// The JSON Schema of a condition.
  static let schema: JSONObject = [
    "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false,
    "description": .string(
      "An object with one key: `eq`, `ne`, `lt`, `le`, `gt`, `ge` or `in` with two values, `exists` with a reference, "
        + "`empty` with a value, `and` or `or` with conditions, `not` with one."),
    "properties": .object(JSONObject(keys.map { ($0, .object(operands(of: $0))) })),
  ]

  private static func operands(of key: String) -> JSONObject {
    let value = JSONValue.object(Field.reference("Value"))
    let condition = JSONValue.object(Field.reference("Condition"))
    switch key {
    case "and", "or": return ["type": "array", "items": condition, "minItems": 1]
    case "not": return Field.reference("Condition")
    case "exists": return Field.reference("Reference")
    case "empty": return Field.reference("Value")
    default: return ["type": "array", "items": value, "minItems": 2, "maxItems": 2]
    }
  }

  /// Reads a condition; nil when it follows no rule of the grammar.
  public init?(json: JSONValue) {
    var faults = FaultList()
    var place: ValidationFault.Location = []
    guard let condition = Condition.read(json, at: &place, &faults) else { return nil }
    self = condition
  }

  /// Reads a condition; adds every fault that is found, and returns nil when there is one.
  static func read(
    _ json: JSONValue, at place: inout ValidationFault.Location, _ faults: inout FaultList
  ) -> Condition? {
    guard let object = json.objectValue, let member = object.members.first, object.count == 1,
      let key = keys.first(where: { member.key.hasSameScalars(as: $0) })
    else {
      let found = place
      faults.add(.value(found, json, keyMessage))
      return nil
    }
    place.append(.key(key))
    defer { place.removeLast() }
    switch key {
    case "and", "or": return read(list: member.value, at: &place, &faults).map { key == "and" ? .all($0) : .any($0) }
    case "not": return read(member.value, at: &place, &faults).map { .not($0) }
    case "exists": return reference(member.value, at: place, &faults).map { .exists($0) }
    case "empty": return .empty(member.value)
    default: return pair(member.value, at: place, &faults).flatMap { Condition(key, $0, $1) }
    }
  }

  private init?(_ key: String, _ first: JSONValue, _ second: JSONValue) {
    switch key {
    case "eq", "ne": self = .equal(first, second, isNegated: key == "ne")
    case "in": self = .contains(element: first, in: second)
    default:
      guard let order = Order(rawValue: key) else { return nil }
      self = .order(order, first, second)
    }
  }

  /// Calls a function with each value that is compared. What `exists` and `empty` ask of a reference is not: it may
  /// lead nowhere.
  func forEachComparedValue(_ body: (JSONValue) -> Void) {
    switch self {
    case .equal(let first, let second, _), .order(_, let first, let second), .contains(let first, let second):
      body(first)
      body(second)
    case .exists, .empty: break
    case .all(let conditions), .any(let conditions):
      for condition in conditions { condition.forEachComparedValue(body) }
    case .not(let condition): condition.forEachComparedValue(body)
    }
  }

  private static func read(
    list: JSONValue, at place: inout ValidationFault.Location, _ faults: inout FaultList
  ) -> [Condition]? {
    guard let elements = list.arrayValue, !elements.isEmpty else {
      let found = place
      faults.add(list.arrayValue == nil ? .arrayType(found, list) : .value(found, list, "at least one condition"))
      return nil
    }
    var conditions: [Condition] = []
    for (index, element) in elements.enumerated() {
      place.append(.index(index))
      defer { place.removeLast() }
      if let condition = read(element, at: &place, &faults) { conditions.append(condition) }
    }
    return conditions.count == elements.count ? conditions : nil
  }

  private static func pair(
    _ value: JSONValue, at place: ValidationFault.Location, _ faults: inout FaultList
  ) -> (JSONValue, JSONValue)? {
    guard let elements = value.arrayValue, elements.count == 2 else {
      faults.add(.value(place, value, "an array of two values"))
      return nil
    }
    return (elements[0], elements[1])
  }

  private static func reference(
    _ value: JSONValue, at place: ValidationFault.Location, _ faults: inout FaultList
  ) -> JSONValue? {
    if let text = value.stringValue, case .reference = Reference.read(text) { return value }
    faults.add(.value(place, value, "a reference such as @step.output"))
    return nil
  }
}

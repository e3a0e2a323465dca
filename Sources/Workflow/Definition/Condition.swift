public import ExactJSON

/// A step's `when`: the step runs only where it holds.
///
/// Grammar, each an object with one key; an operand is any JSON, in which a reference stands for its value:
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
      let message = "a condition is an object with one of the keys \(ParameterSchema.Kind.alternatives(keys))"
      faults.add(.value(found, json, message))
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

// MARK: Whether it holds

extension Condition {
  /// Whether the condition holds.
  /// - Parameter limit: bytes that the values which are compared may take as JSON text.
  /// - Throws: `reference_missing`; `output_too_large`; `operation_failed` where two values have no order.
  public func holds(in scope: ReferenceScope, within limit: ByteLimit) throws(StepFailure) -> Bool {
    switch self {
    case .equal(let first, let second, let isNegated):
      let (first, second) = try resolved(first, second, scope, limit)
      return first.isEqual(to: second) != isNegated
    case .order(let order, let first, let second):
      let (first, second) = try resolved(first, second, scope, limit)
      return try Condition.compare(order, first, second)
    case .contains(let element, let list):
      let (element, list) = try resolved(element, list, scope, limit)
      return try Condition.contains(element, in: list)
    case .exists(let reference): return scope.value(ifPresent: reference).map { $0 != .null } ?? false
    case .empty(let value):
      let found = try scope.isMissing(value) ? .null : resolved(value, .null, scope, limit).0
      return found.isEmpty
    case .all(let conditions):
      for condition in conditions where try !condition.holds(in: scope, within: limit) { return false }
      return true
    case .any(let conditions):
      for condition in conditions where try condition.holds(in: scope, within: limit) { return true }
      return false
    case .not(let condition): return try !condition.holds(in: scope, within: limit)
    }
  }

  private func resolved(
    _ first: JSONValue, _ second: JSONValue, _ scope: ReferenceScope, _ limit: ByteLimit
  ) throws(StepFailure) -> (JSONValue, JSONValue) {
    let found = try scope.resolve(["first": first, "second": second], within: limit).params
    return (found["first"] ?? .null, found["second"] ?? .null)
  }

  private static func compare(_ order: Order, _ first: JSONValue, _ second: JSONValue) throws(StepFailure) -> Bool {
    let isLess: Bool
    let isGreater: Bool
    switch (first, second) {
    case (.number(let first), .number(let second)):
      (isLess, isGreater) = (first.isLess(than: second), second.isLess(than: first))
    case (.string(let first), .string(let second)):
      isLess = first.utf8.lexicographicallyPrecedes(second.utf8)
      isGreater = second.utf8.lexicographicallyPrecedes(first.utf8)
    default:
      throw StepFailure(
        .operationFailed,
        "when: \(order) compares two numbers or two strings; \(first.typeName) and \(second.typeName) are there")
    }
    switch order {
    case .lt: return isLess
    case .le: return !isGreater
    case .gt: return isGreater
    case .ge: return !isLess
    }
  }

  private static func contains(_ element: JSONValue, in list: JSONValue) throws(StepFailure) -> Bool {
    switch (element, list) {
    case (_, .array(let elements)): return elements.contains { $0.isEqual(to: element) }
    case (.string(let key), .object(let object)): return object[key] != nil
    case (_, .null): return false
    default:
      throw StepFailure(
        .operationFailed,
        "when: in looks for an element of an array or a key of an object; \(element.typeName) and \(list.typeName) are there"
      )
    }
  }
}

extension JSONNumber {
  /// Exact for whole numbers that an `Int` holds.
  fileprivate func isLess(than other: JSONNumber) -> Bool {
    if let mine = int, let theirs = other.int { return mine < theirs }
    return double < other.double
  }
}

extension JSONValue {
  /// Whether it is null, or a text, an array or an object without anything in it.
  fileprivate var isEmpty: Bool {
    switch self {
    case .null: true
    case .bool, .number: false
    case .string(let text): text.utf8.isEmpty
    case .array(let elements): elements.isEmpty
    case .object(let object): object.count == 0
    }
  }

  /// Whether two values mean the same: numbers by value, texts by their scalars, objects in any order of keys.
  fileprivate func isEqual(to other: JSONValue) -> Bool {
    switch (self, other) {
    case (.null, .null): true
    case (.bool(let mine), .bool(let theirs)): mine == theirs
    case (.number(let mine), .number(let theirs)):
      mine.text == theirs.text || !mine.isLess(than: theirs) && !theirs.isLess(than: mine)
    case (.string(let mine), .string(let theirs)): mine.utf8.elementsEqual(theirs.utf8)
    case (.array(let mine), .array(let theirs)):
      mine.count == theirs.count && zip(mine, theirs).allSatisfy { $0.isEqual(to: $1) }
    case (.object(let mine), .object(let theirs)):
      mine.count == theirs.count
        && mine.members.allSatisfy { member in theirs[member.key]?.isEqual(to: member.value) ?? false }
    default: false
    }
  }
}

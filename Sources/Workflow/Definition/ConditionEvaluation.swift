import ExactJSON

extension Condition {
  /// Whether the condition holds.
  /// - Parameter limit: bytes that all comparisons together may read.
  /// - Throws: `reference_missing`; `output_too_large`; `operation_failed` where two values have no order.
  public func holds(in scope: ReferenceScope, within limit: ByteLimit) throws(StepFailure) -> Bool {
    var evaluation = ConditionEvaluation(scope: scope, limit: limit, left: limit.bytes)
    return try evaluation.holds(self)
  }
}

/// One evaluation of a condition. What it reads is counted, so that its time is bounded however often a condition names
/// a large value.
private struct ConditionEvaluation {
  let scope: ReferenceScope
  let limit: ByteLimit
  /// Bytes that may still be read.
  var left: Int

  mutating func holds(_ condition: Condition) throws(StepFailure) -> Bool {
    switch condition {
    case .equal(let first, let second, let isNegated):
      let (first, second) = (try value(first), try value(second))
      return try isEqual(first, second) != isNegated
    case .order(let order, let first, let second):
      let (first, second) = (try value(first), try value(second))
      return try compare(order, first, second)
    case .contains(let element, let list):
      let (element, list) = (try value(element), try value(list))
      return try contains(element, in: list)
    case .exists(let reference): return scope.value(ifPresent: reference).map { $0 != .null } ?? false
    case .empty(let operand):
      if scope.isReference(operand) { return scope.value(ifPresent: operand)?.isEmpty ?? true }
      return operand.isEmpty
    case .all(let conditions):
      for condition in conditions where try !holds(condition) { return false }
      return true
    case .any(let conditions):
      for condition in conditions where try holds(condition) { return true }
      return false
    case .not(let condition): return try !holds(condition)
    }
  }

  /// The value of an operand. A whole reference brings its value as it is, which is counted when it is compared.
  private mutating func value(_ operand: JSONValue) throws(StepFailure) -> JSONValue {
    if scope.isReference(operand) { return try scope.value(of: operand) }
    let (found, bytes) = try scope.resolve(["value": operand], within: ByteLimit(max(0, left), setting: limit.setting))
    try read(bytes)
    return found["value"] ?? .null
  }

  private mutating func read(_ bytes: Int) throws(StepFailure) {
    left -= bytes
    if left >= 0 { return }
    throw StepFailure(
      .outputTooLarge, "when: the comparisons read more than \(limit.bytes) bytes (\(limit.setting))")
  }

  private mutating func compare(
    _ order: Condition.Order, _ first: JSONValue, _ second: JSONValue
  ) throws(StepFailure) -> Bool {
    let isLess: Bool
    let isGreater: Bool
    switch (first, second) {
    case (.number(let first), .number(let second)):
      try read(first.text.utf8.count + second.text.utf8.count)
      let (first, second) = (Decimal(first), Decimal(second))
      (isLess, isGreater) = (first < second, second < first)
    case (.string(let first), .string(let second)):
      try read(first.utf8.count + second.utf8.count)
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

  private mutating func contains(_ element: JSONValue, in list: JSONValue) throws(StepFailure) -> Bool {
    switch (element, list) {
    case (_, .array(let elements)):
      for other in elements where try isEqual(other, element) { return true }
      return false
    case (.string(let key), .object(let object)): return object[key] != nil
    case (_, .null): return false
    default:
      throw StepFailure(
        .operationFailed,
        "when: in looks for an element of an array or a key of an object; \(element.typeName) and "
          + "\(list.typeName) are there")
    }
  }

  /// Whether two values mean the same: numbers by value, texts by their scalars, objects in any order of keys.
  private mutating func isEqual(_ one: JSONValue, _ other: JSONValue) throws(StepFailure) -> Bool {
    try read(1)
    switch (one, other) {
    case (.null, .null): return true
    case (.bool(let one), .bool(let other)): return one == other
    case (.number(let one), .number(let other)):
      try read(one.text.utf8.count + other.text.utf8.count)
      return Decimal(one) == Decimal(other)
    case (.string(let one), .string(let other)):
      guard one.utf8.count == other.utf8.count else { return false }
      try read(one.utf8.count)
      return one.utf8.elementsEqual(other.utf8)
    case (.array(let one), .array(let other)):
      guard one.count == other.count else { return false }
      for (one, other) in zip(one, other) where try !isEqual(one, other) { return false }
      return true
    case (.object(let one), .object(let other)):
      guard one.count == other.count else { return false }
      for member in one.members {
        try read(member.key.utf8.count)
        guard let value = other[member.key], try isEqual(member.value, value) else { return false }
      }
      return true
    default: return false
    }
  }
}

/// The value of a JSON number, exact: 0.d₁d₂d₃… × 10^exponent.
private struct Decimal: Comparable {
  var isNegative = false
  /// The digits without zeros at their ends; none for zero.
  var digits: ArraySlice<UInt8> = []
  /// Far exponents are cut, which a number of less than a megabyte cannot come near.
  var exponent = 0

  private static let mostExponent = 1 << 40

  init(_ number: JSONNumber) {
    var text = Array(number.text.utf8)[...]
    isNegative = text.first == UInt8(ascii: "-")
    if isNegative { text = text.dropFirst() }
    if let mark = text.firstIndex(where: { $0 | 0x20 == UInt8(ascii: "e") }) {
      exponent = Self.exponent(text[(mark + 1)...])
      text = text[..<mark]
    }
    let point = text.firstIndex(of: UInt8(ascii: ".")) ?? text.endIndex
    exponent += point - text.startIndex
    var all = Array(text[..<point]) + text[point...].dropFirst()
    while all.last == UInt8(ascii: "0") { all.removeLast() }
    digits = all.drop { $0 == UInt8(ascii: "0") }
    exponent -= digits.startIndex
    if digits.isEmpty { (isNegative, exponent) = (false, 0) }
  }

  private static func exponent(_ text: ArraySlice<UInt8>) -> Int {
    let isNegative = text.first == UInt8(ascii: "-")
    var value = 0
    for byte in text where byte >= UInt8(ascii: "0") {
      value = min(mostExponent, value * 10 + Int(byte - UInt8(ascii: "0")))
    }
    return isNegative ? -value : value
  }

  static func == (one: Decimal, other: Decimal) -> Bool {
    one.isNegative == other.isNegative && one.exponent == other.exponent && one.digits.elementsEqual(other.digits)
  }

  static func < (one: Decimal, other: Decimal) -> Bool {
    if one.isNegative != other.isNegative { return one.isNegative }
    let (small, large) = one.isNegative ? (other, one) : (one, other)
    if small.digits.isEmpty || large.digits.isEmpty { return small.digits.isEmpty && !large.digits.isEmpty }
    if small.exponent != large.exponent { return small.exponent < large.exponent }
    return small.digits.lexicographicallyPrecedes(large.digits)
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
}

import ExactJSON

/// The value of a JSON number, whatever its notation: `1`, `1.0` and `10e-1` are the same value, exactly.
struct JSONDecimal: Hashable, Sendable {
  private let isNegative: Bool
  /// The digits without zeros at either end; empty for zero.
  private let digits: [UInt8]
  /// The power of ten that the digits, as a whole number, are multiplied with.
  private let exponent: Int

  /// The value of a number.
  init(_ number: JSONNumber) {
    var text = Array(number.text.utf8)[...]
    let isNegative = text.first == UInt8(ascii: "-")
    if isNegative { text = text.dropFirst() }
    let mark = text.firstIndex { $0 | 0x20 == UInt8(ascii: "e") } ?? text.endIndex
    let mantissa = text[..<mark]
    let point = mantissa.firstIndex(of: UInt8(ascii: ".")) ?? mantissa.endIndex
    var digits = mantissa[..<point] + mantissa[point...].dropFirst()
    var exponent = point - mantissa.endIndex + (point == mantissa.endIndex ? 0 : 1)
    if let last = digits.lastIndex(where: { $0 != UInt8(ascii: "0") }) {
      exponent += digits.endIndex - 1 - last
      digits = digits[...last]
    } else {
      digits = []
    }
    self.digits = Array(digits.drop { $0 == UInt8(ascii: "0") })
    let isZero = self.digits.isEmpty
    self.isNegative = isNegative && !isZero
    self.exponent = isZero ? 0 : exponent + Self.exponent(text[mark...].dropFirst())
  }

  /// Whether it is a whole number.
  var isWhole: Bool { exponent >= 0 }

  /// An exponent as it is written, within a range that no sum leaves.
  private static func exponent(_ text: ArraySlice<UInt8>) -> Int {
    let bound = 1 << 40
    let isNegative = text.first == UInt8(ascii: "-")
    var value = 0
    for digit in text where digit >= UInt8(ascii: "0") { value = min(bound, value * 10 + Int(digit - 0x30)) }
    return isNegative ? -value : value
  }
}

extension JSONValue {
  /// Whether two values are equal as JSON Schema has it: numbers by their values, objects whatever the order.
  func isSame(as other: JSONValue) -> Bool {
    switch (self, other) {
    case (.number(let one), .number(let two)): one == two || JSONDecimal(one) == JSONDecimal(two)
    case (.array(let one), .array(let two)): one.count == two.count && zip(one, two).allSatisfy { $0.isSame(as: $1) }
    case (.object(let one), .object(let two)):
      one.count == two.count
        && one.members.allSatisfy { member in two[member.key].map { member.value.isSame(as: $0) } ?? false }
    default: self == other
    }
  }
}

import ExactJSON
import SeededRandom

/// Makes values of every kind and shape.
struct RandomDocuments {
  var generator: SeededGenerator

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  mutating func value(depth: Int = 4) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 9 : 6), using: &generator) {
    case 0: .null
    case 1: .bool(.random(using: &generator))
    case 2, 3: .number(number())
    case 4, 5: .string(string())
    case 6: .array((0..<size()).map { _ in value(depth: depth - 1) })
    default: .object(JSONObject((0..<size()).map { _ in (string(), value(depth: depth - 1)) }))
    }
  }

  private mutating func number() -> JSONNumber {
    var text = Bool.random(using: &generator) ? "-" : ""
    text += Bool.random(using: &generator) ? "0" : String(Int.random(in: 1...9, using: &generator)) + digits(0...25)
    if Bool.random(using: &generator) { text += "." + digits(1...20) }
    if Int.random(in: 0..<4, using: &generator) == 0 {
      text += pick(["e", "E"]) + pick(["", "+", "-"]) + digits(1...4)
    }
    return JSONNumber(text: text) ?? JSONNumber(0)
  }

  private mutating func string() -> String {
    var string = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0...24, using: &generator) { string.append(scalar()) }
    return String(string)
  }

  private mutating func scalar() -> Unicode.Scalar {
    let range: ClosedRange<UInt32> =
      switch Int.random(in: 0..<12, using: &generator) {
      case 0: 0...0x1F
      case 1: 0x22...0x22
      case 2: 0x5C...0x5C
      case 3: 0x80...0x7FF
      case 4: 0x800...0xFFFF
      case 5: 0x1_0000...0x10_FFFF
      default: 0x20...0x7E
      }
    return Unicode.Scalar(.random(in: range, using: &generator)) ?? "\u{FFFD}"
  }

  /// Mostly few, now and then enough members for an object to have an index.
  private mutating func size() -> Int {
    Int.random(in: 0..<20, using: &generator) == 0 ? 24 : Int.random(in: 0...4, using: &generator)
  }

  private mutating func digits(_ count: ClosedRange<Int>) -> String {
    (0..<Int.random(in: count, using: &generator)).map { _ in pick("0123456789".map(String.init)) }.joined()
  }

  private mutating func pick(_ choices: [String]) -> String {
    choices.randomElement(using: &generator) ?? ""
  }
}

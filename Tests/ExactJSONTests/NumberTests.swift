import ExactJSON
import Testing

@Suite
struct NumberTests {
  @Test(arguments: [
    "0", "-0", "-0.0", "1.0", "0.1", "1e400", "1E+2", "1e-2", "0e0", "0E-0", "-1.50e+007", "12345678901234567890",
    "9223372036854775808", "123456789012345678901234567890.123456789012345678901234567890", "5e-324", "10", "100",
  ])
  func `A number keeps its text`(text: String) throws {
    #expect(JSONNumber(text: text)?.text == text)
    let value = try JSONValue(parsing: text)
    #expect(value.numberValue?.text == text)
    #expect(value.text == text)
    #expect(try JSONValue(parsing: "[\(text), \(text) ]").text == "[\(text),\(text)]")
  }

  @Test(arguments: [
    "-", "00", "01", "-01", "1.", "-1.", "1.e5", "1e", "1e+", "1E-", "-a", "--1", "-+1", "-Infinity", "-NaN", "-.5",
    "1.2e", "0.", "012", "1eE5", "1e.5", "-0123",
  ])
  func `A malformed number is refused where it starts`(text: String) {
    #expect(JSONNumber(text: text) == nil)
    #expect(refusal(of: "[0,\(text)]") == JSONError(.invalidNumber, at: 3))
    #expect(refusal(of: text) == JSONError(.invalidNumber, at: 0))
  }

  @Test(arguments: [
    "", " 1", "1 ", "+1", ".5", "1_000", "0x10", "1f", "NaN", "Infinity", "inf", "１", "1,5", "1\u{0}", "1e5.5",
  ])
  func `Only a text in JSON's grammar is a number`(text: String) {
    #expect(JSONNumber(text: text) == nil)
  }

  @Test(
    arguments: [
      ("12", 12), ("-3", -3), ("0", 0), ("-0", 0), ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min),
      ("9223372036854775808", nil), ("1.0", 1), ("1e2", 100), ("-25E-1", nil), ("-250E-1", -25), ("-0.0", 0),
      ("0.5", nil), ("12345678901234567890", nil), ("1e15", 1_000_000_000_000_000), ("1e16", nil), ("1e400", nil),
    ] as [(String, Int?)])
  func `An integer is read from the text of a whole number that fits`(text: String, int: Int?) {
    #expect(JSONNumber(text: text)?.int == int)
  }

  @Test(arguments: [
    ("0.1", 0.1), ("1e2", 100), ("-2.5", -2.5), ("12345678901234567890", 12_345_678_901_234_567_168),
    ("1e400", .infinity), ("-1e400", -.infinity), ("1e-400", 0), ("5e-324", .leastNonzeroMagnitude),
  ])
  func `A double is the nearest one, and infinite beyond the range`(text: String, double: Double) {
    #expect(JSONNumber(text: text)?.double == double)
  }

  @Test func `Numbers are equal by their text`() {
    #expect(JSONNumber(text: "1") == JSONNumber(1))
    #expect(JSONNumber(text: "1.0") != JSONNumber(1))
    #expect(JSONNumber(text: "-0") != JSONNumber(0))
    #expect(JSONNumber(Int.min).text == "-9223372036854775808")
  }
}

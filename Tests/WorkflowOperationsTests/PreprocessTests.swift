import ExactJSON
import Testing
import Workflow
import WorkflowOperations

@Suite struct PreprocessTests {
  private let operation = Preprocess()

  private func cleanText(_ input: JSONValue?, field: String = "text") async throws -> JSONValue {
    var inputs = JSONObject()
    inputs[field] = input
    let outputs = try await operation.outputs(field == "text" ? [:] : ["field": .string(field)], inputs: inputs)
    #expect(outputs.keys == ["clean_text"])
    return try #require(outputs["clean_text"])
  }

  @Test(
    arguments: [
      ("", ""), (" \t\r\n ", ""), ("a", "a"), ("  a  b\t\tc\n", "a b c"), ("a\r\nb\r\n", "a b"), ("a\rb", "a b"),
      ("a\u{a0}b\u{3000}c\u{2028}d\u{85}e\u{b}f\u{c}g", "a b c d e f g"),
      ("a\u{1c}b\u{1d}c\u{1e}d\u{1f}e", "a b c d e"),
    ] as [(String, JSONValue)])
  func `Runs of white space become one space, none at either end`(text: String, clean: JSONValue) async throws {
    #expect(try await cleanText(.string(text)) == clean)
  }

  @Test(arguments: ["\u{200b}", "\u{feff}", "\u{1b}", "\u{0}", "\u{2060}", "\u{180e}"])
  func `What only looks like white space stays`(scalar: String) async throws {
    let text = "\(scalar) a\(scalar)b \(scalar)"
    #expect(try await cleanText(.string(text)) == .string(text))
  }

  @Test func `White space is found by scalar, also within a character`() async throws {
    #expect(try await cleanText("a \u{301}b") == "a \u{301}b")
    #expect(try await cleanText("a\n\u{301}b") == "a \u{301}b")
    #expect(try await cleanText("e\u{301} \u{e9}  👩\u{200d}👧") == "e\u{301} \u{e9} 👩\u{200d}👧")
  }

  @Test func `Of the basic plane just White_Space and four separators are folded`() async throws {
    let folded: [UInt32] =
      [0x9, 0xa, 0xb, 0xc, 0xd, 0x1c, 0x1d, 0x1e, 0x1f, 0x85, 0xa0, 0x1680] + Array(0x2000...0x200a)
      + [0x2028, 0x2029, 0x202f, 0x205f, 0x3000]
    let all = (UInt32(0)...0xFFFF).compactMap(Unicode.Scalar.init)
    let text = String(String.UnicodeScalarView(all.flatMap { ["x", $0] }))
    let clean = try await cleanText(.string(text)).stringValue ?? ""
    let kept = Set(clean.unicodeScalars)
    let missing = all.filter { !kept.contains($0) }.map(\.value)
    #expect(missing == folded)
    #expect(clean.unicodeScalars.count == 2 * all.count)
  }

  @Test func `A text of ASCII alone is folded by the same rule`() async throws {
    let text = (UInt8(0)..<0x80).map { "x" + String(UnicodeScalar($0)) }.joined()
    let beyond = try await cleanText(.string(text + "\u{e9}")).stringValue
    #expect(try await cleanText(.string(text)) == .string(String(beyond?.dropLast() ?? "")))
    #expect(try await cleanText(" \t a\u{1f}\u{1c} b \n") == "a b")
  }

  @Test func `A missing field is an empty text`() async throws {
    #expect(try await cleanText(nil) == "")
    #expect(try await operation.outputs(["field": "title"], inputs: ["text": "a"]) == ["clean_text": ""])
  }

  @Test func `Another field may be named, by its scalars`() async throws {
    #expect(try await cleanText(" a ", field: "") == "a")
    #expect(try await cleanText(" a ", field: "e\u{301}") == "a")
    #expect(try await operation.outputs(["field": "\u{e9}"], inputs: ["e\u{301}": "a"]) == ["clean_text": ""])
  }

  @Test(
    arguments: [
      ("1e400", "1e400"), ("-0.10", "-0.10"), ("true", "true"), ("null", "null"), ("[ ]", "[]"),
      (#"{ "b" : [1.50, "x  y", null],"a":{"é":"\u00e9\t"} }"#, #"{"b":[1.50,"x y",null],"a":{"é":"é\t"}}"#),
    ])
  func `What is no text counts by its compact JSON`(document: String, clean: String) async throws {
    #expect(try await cleanText(JSONValue(parsing: document)) == .string(clean))
  }

  @Test func `A field that is no text fails the step`() async throws {
    await #expect(throws: StepFailure(.operationFailed, "field: Input should be a valid string, not null")) {
      try await operation.outputs(["field": nil])
    }
    let invocation = Invocation(job: "job", step: "pre", params: ["field": 1], inputs: [:])
    await #expect(throws: StepError.failed(.init(.operationFailed, "field must be a string; number is there"))) {
      try await operation.run(invocation)
    }
  }

  @Test func `Its parameters are those of the contract`() {
    #expect(operation.name == "preprocess" && operation.isImmediate)
    #expect(operation.parameters.fillingDefaults([:]) == ["field": "text"])
    #expect(operation.faults(["field": 1, "feild": "text"]) == ["field: string_type", "feild: extra_forbidden"])
  }
}

import ExactJSON
import Testing

@testable import Workflow

/// Schemas as workers announce them.
@Suite struct AnnouncementTests {
  private static let all = ParameterSchema(
    [
      .init("any", .any), .init("text", .string(), default: "@inputs.text", summary: "What it says."),
      .init("short", .string(maxScalars: 5)), .init("count", .integer(1...10), default: 3, setting: "WF_COUNT"),
      .init("whole", .integer(.min ... .max)), .init("share", .number(0...1.5)),
      .init("choice", .oneOf(["a", "@b"])), .init("choices", .oneOrMore(.oneOf(["a", "@b"]), atMost: 8)),
      .init("names", .oneOrMore(.string(maxScalars: 5), atMost: 2), setting: "WF_NAMES"), .init("flag", .boolean),
      .init("list", .array),
      .init(required: "object", .object, summary: "Needed."),
    ],
    rules: [
      .atMostOne(["any", "flag"]), .exactlyOne(["any", "text"]), .less("count", than: "whole"),
      .absent("short", where: "choice", is: "a"),
    ])

  /// A schema with more parameters than may be.
  private static let wide: String = {
    let parameters = (0..<201).map { "\"p\($0)\":{}" }.joined(separator: ",")
    return "{\"type\":\"object\",\"properties\":{\(parameters)}}"
  }()

  private func abilities(_ text: String) -> (WorkerAbilities?, unreadable: [String]) {
    var unreadable: [String] = []
    return (WorkerAbilities(Array(text.utf8), unreadable: &unreadable), unreadable)
  }

  @Test func `A schema comes back as it was announced`() throws {
    let read = try #require(ParameterSchema(announcement: Self.all.announcement))
    #expect(read == Self.all)
    let announced = WorkerAbilities(operations: ["op": Self.all, "bare": ParameterSchema([])])
    let (back, unreadable) = abilities(String(decoding: announced.bytes, as: UTF8.self))
    #expect(back == announced && unreadable == [])
    #expect(back?.bytes == announced.bytes)
  }

  @Test func `A check by a function is announced as the kind that it checks`() throws {
    let check = ParameterSchema.ValueCheck("even") { _ in "odd" }
    let schema = ParameterSchema([.init("a", .checked(.integer(0...9), check))])
    #expect(ParameterSchema(announcement: schema.announcement) == ParameterSchema([.init("a", .integer(0...9))]))
  }

  @Test(arguments: [
    ##"{"anyOf":[{"type":"duration"},{"$ref":"#/components/schemas/Reference"}]}"##, "{}", ##"{"$ref":"#/x"}"##,
    #"{"anyOf":[]}"#, #"{"anyOf":7}"#, #"{"anyOf":[{"type":"string","enum":["a"]},{"type":"array"}]}"#,
  ])
  func `A parameter of a form that is not known takes any value`(_ schema: String) throws {
    let text = #"{"type":"object","properties":{"a":\#(schema)}}"#
    let object = try #require(try JSONValue(parsing: text).objectValue)
    #expect(ParameterSchema(announcement: object)?.parameters.first?.kind == .any)
  }

  @Test(arguments: [
    "1", "[]", "null", #""text""#, "{}", #"{"type":"object"}"#, #"{"type":"object","properties":[]}"#,
    #"{"type":"object","properties":{"a":1}}"#, #"{"type":"object","properties":{},"required":["a"]}"#,
    #"{"type":"object","properties":{"a":{}},"required":[1]}"#,
    #"{"type":"object","properties":{"a":{"anyOf":[{"type":"integer","minimum":5,"maximum":1}]}}}"#,
    #"{"type":"object","properties":{"a":{"anyOf":[{"type":"integer","minimum":"x"}]}}}"#,
    #"{"type":"object","properties":{"a":{"anyOf":[{"type":"number","minimum":2,"maximum":1}]}}}"#,
    ##"{"type":"object","properties":{"a":{"anyOf":[{"$ref":"#/components/schemas/Text","maxLength":-1}]}}}"##,
    #"{"type":"object","properties":{"a":{"anyOf":[{"enum":[1]}]}}}"#,
    #"{"type":"object","properties":{"a":{"anyOf":[{"enum":["a"]},{"type":"array","maxItems":0}]}}}"#,
    #"{"type":"object","properties":{"a":{"default":"\#(String(repeating: "x", count: 20_000))"}}}"#,
    AnnouncementTests.wide,
  ])
  func `A schema that makes no sense is left out, and the others are read`(_ schema: String) throws {
    let text =
      #"{"operations":{"bad":\#(schema),"good":{"type":"object","properties":{}}},"fields":["field:new"]}"#
    let (read, unreadable) = abilities(text)
    #expect(read == WorkerAbilities(operations: ["good": ParameterSchema([])], fields: ["field:new"]))
    #expect(unreadable == ["bad"])
  }

  @Test(arguments: ["", "a b", "tab\\t", "é", "field:x", String(repeating: "x", count: 129)])
  func `A name that no run can require is left out`(_ name: String) {
    let (read, unreadable) = abilities(#"{"operations":{"\#(name)":{"type":"object","properties":{}}},"fields":[]}"#)
    #expect(read?.operations.isEmpty == true && unreadable.count == 1)
  }

  @Test(arguments: [
    "", "{", "[]", "{}", #"{"operations":[],"fields":[]}"#, #"{"operations":{}}"#, #"{"operations":{},"fields":{}}"#,
    String(repeating: "[", count: 100_000),
  ])
  func `What announces nothing is not read`(_ text: String) {
    #expect(abilities(text).0 == nil)
  }
}

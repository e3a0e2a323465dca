import ExactJSON
import Testing
import Workflow

/// A step's `when`: what it says, and whether it holds.
@Suite(.timeLimit(.minutes(5))) struct ConditionTests {
  private static let scope = ReferenceScope(
    inputs: ["n": 3, "text": "é", "list": [1, "a", .null], "object": ["k": 1, "l": 2], "empty": "", "null": .null],
    outputs: ["pre": ["lang": "en", "big": 9_007_199_254_740_993]])

  private func holds(_ json: JSONValue) throws -> Bool {
    try #require(Condition(json: json)).holds(in: Self.scope, within: ByteLimit(1_000, setting: "WF_MAX_OUTPUT_BYTES"))
  }

  private func sentence(_ json: JSONValue) -> String? {
    (#expect(throws: StepFailure.self) { try holds(json) }).map { "\($0.code.rawValue): \($0.message)" }
  }

  static let table: [(JSONValue, Bool)] = [
    (["eq": ["@pre.lang", "en"]], true), (["eq": ["@pre.lang", "EN"]], false), (["ne": ["@pre.lang", "de"]], true),
    (["eq": ["@inputs.n", .number(JSONNumber(3))]], true), (["eq": ["@inputs.n", "3"]], false),
    (["eq": ["@inputs.text", "e\u{301}"]], false), (["eq": ["@inputs.object", ["l": 2, "k": 1]]], true),
    (["eq": ["@inputs.object", ["l": 2]]], false), (["eq": ["@inputs.list", [1, "a", .null]]], true),
    (["eq": ["@pre.big", 9_007_199_254_740_992]], false), (["eq": ["@@x", "@@x"]], true),
    (["eq": [true, true]], true),
    (["eq": [.number("9007199254740993"), .number("9007199254740992.0")]], false),
    (["gt": [.number("9007199254740993.0"), .number("9007199254740992")]], true),
    (["eq": [.number("18446744073709551617"), .number("18446744073709551616")]], false),
    (["eq": [.number("1e400"), .number("1e500")]], false), (["eq": [.number("1e-400"), .number("0")]], false),
    (["eq": [.number("-0"), .number("0.0e9")]], true), (["eq": [.number("1e2"), .number("100.0")]], true),
    (["lt": [.number("-1e400"), .number("-3")]], true), (["lt": [.number("0.99"), .number("0.991")]], true),
    (["lt": [.number("-2"), .number("-10")]], false), (["ge": [.number("0"), .number("-0.1")]], true),
    (["eq": [true, 1]], false), (["eq": [.null, "@inputs.null"]], true),
    (["lt": ["@inputs.n", 4]], true), (["lt": [3, "@inputs.n"]], false), (["le": [3, "@inputs.n"]], true),
    (["gt": ["@pre.big", 9_007_199_254_740_992]], true), (["ge": ["b", "a"]], true), (["lt": ["Z", "a"]], true),
    (["in": ["a", "@inputs.list"]], true), (["in": ["b", "@inputs.list"]], false),
    (["in": [.null, "@inputs.list"]], true),
    (["in": ["k", "@inputs.object"]], true), (["in": ["m", "@inputs.object"]], false), (["in": ["m", .null]], false),
    (["exists": "@pre.lang"], true), (["exists": "@pre.none"], false), (["exists": "@inputs.null"], false),
    (["exists": "@skipped.any"], false), (["eq": ["@skipped.any", .null]], true),
    (["empty": "@inputs.empty"], true), (["empty": "@inputs.none"], true), (["empty": "@inputs.n"], false),
    (["empty": []], true), (["empty": [:]], true), (["empty": .null], true), (["empty": "@pre"], false),
    (["and": [["exists": "@pre.lang"], ["lt": [1, 2]]]], true),
    (["and": [["lt": [2, 1]], ["lt": [.null, 1]]]], false),
    (["or": [["lt": [1, 2]], ["lt": [.null, 1]]]], true), (["or": [["lt": [2, 1]], ["lt": [3, 1]]]], false),
    (["not": ["not": ["exists": "@pre.lang"]]], true),
  ]

  @Test(arguments: table) func `A condition holds or does not`(condition: JSONValue, isTrue: Bool) throws {
    #expect(try holds(condition) == isTrue)
  }

  @Test func `What cannot be told fails with a sentence`() {
    #expect(
      sentence(["lt": [1, "a"]])
        == "operation_failed: when: lt compares two numbers or two strings; number and string are there")
    #expect(sentence(["in": [1, 2]])?.contains("element of an array or a key of an object") == true)
    #expect(sentence(["eq": ["@pre.none", 1]])?.hasPrefix("reference_missing: @pre.none: no key none") == true)
    let long = JSONValue.string(String(repeating: "x", count: 1_001))
    #expect(sentence(["eq": [long, 1]])?.hasPrefix("output_too_large: ") == true)
  }

  @Test func `A condition that names a large value often ends, with a sentence`() throws {
    let zeros = JSONValue.array(Array(repeating: 0, count: 100_000))
    let digits = JSONValue.number(JSONNumber(digits: 100_000))
    let scope = ReferenceScope(inputs: ["zeros": zeros, "digits": digits])
    let limit = ByteLimit(1 << 20, setting: "WF_MAX_OUTPUT_BYTES")
    let often = JSONValue.array(Array(repeating: ["eq": ["@inputs.zeros", "@inputs.zeros"]], count: 10_000))
    for condition in [["and": often], ["in": ["@inputs.digits", "@inputs.zeros"]]] as [JSONValue] {
      let failure = #expect(throws: StepFailure.self) {
        try #require(Condition(json: condition)).holds(in: scope, within: limit)
      }
      #expect(failure?.message.contains("more than 1048576 bytes (WF_MAX_OUTPUT_BYTES)") == true)
    }
    let empty = JSONValue.array(Array(repeating: ["empty": "@inputs.zeros"], count: 10_000))
    #expect(try !#require(Condition(json: ["or": empty])).holds(in: scope, within: limit))
  }

  @Test func `A comparison with an input that is not there is refused, a question for it is not`() throws {
    func faults(_ condition: String) throws -> [String] {
      let body = #"{"run_name":"r","steps":[{"id":"a","op":"wait","when":\#(condition)}]}"#
      return try DefinitionReader.sample.summary(ofFaultsIn: body)
    }
    #expect(try faults(#"{"not":{"eq":["@inputs.nope",1]}}"#) == ["value_error at body.steps.0.when"])
    #expect(try faults(#"{"in":["a",["@inputs.nope"]]}"#) == ["value_error at body.steps.0.when"])
    #expect(try faults(#"{"or":[{"exists":"@inputs.nope"},{"empty":"@inputs.nope"}]}"#) == [])
  }

  static let malformed: [(String, String)] = [
    (#""@a""#, "value_error at body.steps.0.when"), (#"{}"#, "value_error at body.steps.0.when"),
    (#"{"eq":[1,1],"ne":[1,2]}"#, "value_error at body.steps.0.when"),
    (#"{"equals":[1,1]}"#, "value_error at body.steps.0.when"),
    (#"{"eq":[1]}"#, "value_error at body.steps.0.when.eq"), (#"{"eq":1}"#, "value_error at body.steps.0.when.eq"),
    (#"{"and":{}}"#, "list_type at body.steps.0.when.and"), (#"{"or":[]}"#, "value_error at body.steps.0.when.or"),
    (#"{"and":[{"eq":[1,1]},{"x":1}]}"#, "value_error at body.steps.0.when.and.1"),
    (#"{"not":true}"#, "value_error at body.steps.0.when.not"),
    (#"{"exists":"text"}"#, "value_error at body.steps.0.when.exists"),
    (#"{"exists":"@gone.x"}"#, "value_error at body.steps.0.when.exists"),
    (#"{"eq":["@.x",1]}"#, "value_error at body.steps.0.when.eq.0"),
    (#"{"eq":["@item",1]}"#, "value_error at body.steps.0.when.eq.0"),
    (#"{"exists":"@a.x"}"#, "value_error at body.steps.0.needs"),
  ]

  @Test(arguments: malformed) func `A malformed condition is refused where it stands`(when: String, fault: String)
    throws
  {
    let body = #"{"run_name":"r","steps":[{"id":"a","op":"wait","when":\#(when)}]}"#
    #expect(try DefinitionReader.sample.summary(ofFaultsIn: body) == [fault])
  }

  @Test func `A condition is a dependency`() throws {
    let text = #"{"run_name":"r","steps":[{"id":"a","op":"wait"},{"id":"b","op":"wait","when":{"exists":"@a.x"}}]}"#
    let definition = try DefinitionReader.sample.read(text: text)
    #expect(definition.steps[1].dependencies == ["a"])
    #expect(StepDefinition(json: definition.steps[1].json) == definition.steps[1])
    #expect(definition.requirements == ["wait", "field:when"])
  }
}

extension JSONValue {
  fileprivate static func number(_ text: String) -> JSONValue { (try? JSONValue(parsing: text)) ?? .null }
}

extension JSONNumber {
  fileprivate init(digits: Int) {
    let value = JSONValue.number(String(repeating: "1", count: digits))
    self = value.numberValue ?? JSONNumber(0)
  }
}

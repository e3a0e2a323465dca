import ExactJSON
import Testing
import Workflow

/// References in double braces.
struct TemplateTests {
  private static let limit = ByteLimit(1 << 20, setting: "WF_TEST")
  private let scope = ReferenceScope(
    inputs: ["a.b": 15, "text": "{{pre.x}} @pre \\{{", "list": [true, nil, "q\"\n"]],
    outputs: ["pre": ["clean_text": "T-E-X-T", "n": 7, "two words": "w", "é": "composed", "e\u{301}": "decomposed"]])

  private func resolve(_ text: String) throws(StepFailure) -> JSONValue? {
    try scope.resolve(["v": .string(text)], within: TemplateTests.limit).params["v"]
  }

  private func sentence(_ text: String) -> String? {
    do throws(StepFailure) {
      return "\(String(describing: try resolve(text)))"
    } catch {
      return error.code == .referenceMissing ? error.message : "\(error)"
    }
  }

  static let filled = [
    ("{{pre.clean_text}}", "T-E-X-T"),
    ("a {{pre.clean_text}}, {{ pre.n }}{{\tpre.n\n}}!", "a T-E-X-T, 77!"),
    (#"{{inputs["a.b"]}} {{pre["two words"]}}"#, "15 w"),
    (#"{"a": {"b": {{pre.n}}}}"#, #"{"a": {"b": 7}}"#),
    ("{{inputs.list}} {{inputs.list[1]}}", #"[true,null,"q\"\n"] null"#),
    ("{{pre.é}}{{pre.e\u{301}}}", "composeddecomposed"),
    ("@@{{pre.n}} @pre.n", "@7 @pre.n"),
    ("{ {{pre.n}} } {a} }} {", "{ 7 } {a} }} {"),
  ]

  @Test(arguments: filled)
  func `A reference in double braces gives way to its value as text`(text: String, resolved: String) throws {
    #expect(try resolve(text) == .string(resolved))
  }

  @Test func `All outputs of a step are one object as text`() throws {
    let text = try #require(try resolve("{{pre}}")?.stringValue)
    #expect(try JSONValue(parsing: text) == .object(scope.outputs["pre"] ?? [:]))
  }

  static let literals = [
    (#"\{{pre.n}}"#, "{{pre.n}}"), (#"\\{{pre.n}}"#, #"\7"#), (#"\\\{{pre.n}}"#, #"\{{pre.n}}"#),
    (#"\\\\{{pre.n}}"#, #"\\7"#), (#"\{{\{{ {{pre.n}}"#, "{{{{ 7"), (#"\{{{pre.n}}"#, "{{{pre.n}}"),
    (#"as \{{"a": 1}} or \n, \\ and \{"#, #"as {{"a": 1}} or \n, \\ and \{"#), (#"\{{"#, "{{"),
  ]

  @Test(arguments: literals)
  func `A backslash makes braces literal, and two are one`(text: String, resolved: String) throws {
    #expect(try resolve(text) == .string(resolved))
  }

  @Test func `What braces bring in is data`() throws {
    #expect(try resolve("{{inputs.text}}") == .string("{{pre.x}} @pre \\{{"))
    #expect(try resolve("\\{{{{inputs.text}}}}") == .string("{{{{pre.x}} @pre \\{{}}"))
  }

  @Test func `A text that is a reference has no braces to be read`() throws {
    let scope = ReferenceScope(inputs: ["{{x}}": 1])
    #expect(try scope.resolve(["v": "@inputs.{{x}}"], within: TemplateTests.limit).params["v"] == 1)
  }

  @Test func `A missing output names what is there, a step without outputs is null`() throws {
    #expect(sentence("a {{ pre.text }}")?.hasPrefix("{{ pre.text }}: no key text; the keys there: clean_text") == true)
    #expect(try resolve("{{llm.summary}}") == "null")
    #expect(sentence("{{item.x}}") == "{{item.x}}: there is no item at hand")
    #expect(sentence("{{ + }} x") == #"{{ + }} is not a reference; write \{{ for literal braces"#)
  }

  // MARK: At submission

  private func faults(_ text: String) throws -> [ValidationFault] {
    let body: JSONValue = [
      "run_name": "r", "inputs": ["text": "x"],
      "steps": [["id": "pre", "op": "wait"], ["id": "s", "op": "note", "params": ["value": ["k": [.string(text)]]]]],
    ]
    return try DefinitionReader.sample.faults(in: body.text)
  }

  static let refused = [
    "{{}}", "{{ }}", "{{ 1 + 2 }}", "{{pre", "{{pre.a", "{{pre.a}", "{{pre.a} }", "{{{pre.a}}}", #"{{"a": 1}}"#,
    "{{pre .a}}", "{{pre.two words}}", "{{pre.a | upper}}", "{{pre.}}", "{{pre[x]}}", "{{pre[\"a]}}", "{{@pre.a}}",
    "{{é}}", "{{#if pre.a}}", "{{/if}}", "{{> pre}}", "{{pre.a{b}}",
  ]

  @Test(arguments: refused)
  func `Braces without a reference are refused with what to write`(text: String) throws {
    for text in [text, "some \(text) text", "{{pre.a}}\(text)", "@@\(text)", "\\\\\(text)"] {
      let faults = try faults(text)
      let fault = try #require(faults.first, "\(text)")
      #expect(faults.count == 1, "\(text)")
      #expect(fault.location.suffix(3) == [.key("value"), .key("k"), .index(0)])
      let advice = #"is no reference such as {{step.output}}; write \{{ for literal braces"#
      #expect(fault.message.hasSuffix(advice))
    }
    #expect(try faults("\\\(text)") == [], "\(text)")
  }

  @Test func `Every reference in a text is looked up at submission`() throws {
    let messages = try faults(#"{{nope.x}} {{ "a": 1}} {{pre.x}} {{gone}} {{inputs.none}} {{item.x}}"#).map(\.message)
    #expect(
      messages == [
        #"Value error, {{ "a": 1}} is no reference such as {{step.output}}; "#
          + #"write \{{ for literal braces"#,
        "Value error, there is no item here: {{item}} is for the params of a step with foreach",
        "Value error, there is no step nope for {{nope.x}}", "Value error, there is no step gone for {{gone}}",
      ])
    #expect(
      try faults("a {{inputs.none}} {{inputs.text}} {{inputs[\"x\"]}}").map(\.message) == [
        "Value error, {{inputs.none}}: no key none; the keys there: text",
        "Value error, {{inputs[\"x\"]}}: no key x; the keys there: text",
      ])
    #expect(try faults(#"{{pre.x}} {{inputs.text}} \{{nope.x}} {{ pre["a"][0] }}"#) == [])
  }

  @Test func `A reference in braces is a dependency`() throws {
    let step = StepDefinition(
      id: "s", op: "note", needs: ["x"],
      params: ["v": [#"{{b.x}} \{{no.x}} {{a}} {{inputs.c}} {{b}}"#, ["k": "@@{{c}}"], "@d.{{e}}"]])
    #expect(step.dependencies == ["x", "b", "a", "c", "d"])
    let cycle =
      #"{"run_name":"r","steps":[{"id":"a","op":"note","params":{"value":"{{b}}"}},{"id":"b","op":"wait","needs":["a"]}]}"#
    #expect(try DefinitionReader.sample.faults(in: cycle).map(\.message).first?.contains("a -> b -> a") == true)
  }

  @Test func `Only a text can have braces`() throws {
    let schema = ParameterSchema([
      .init("n", .integer(1...3)), .init("s", .string(maxScalars: 2)), .init("o", .oneOf(["a"])),
    ])
    let faults = schema.faults(in: ["n": "{{pre.n}}", "s": "{{pre.n}}", "o": "{{pre.n}}"], at: [])
    #expect(faults.map(\.type) == ["int_type"])
    #expect(
      faults.first?.message == "Input should be a valid integer (only a reference such as @step.output brings one)")
  }

  @Test func `What braces bring in counts at submission too`() throws {
    let reader = DefinitionReader(operations: ["note": ParameterSchema([.init("value", .any)])], maxStepBytes: 1_000)
    func faults(_ value: String) throws -> [String] {
      let text = String(repeating: "x", count: 300)
      let body: JSONValue = [
        "run_name": "r", "inputs": ["t": .string(text), "n": 5],
        "steps": [["id": "a", "op": "note", "params": ["value": .string(value)]]],
      ]
      return try reader.faults(in: body.text).map(\.message)
    }
    #expect(try faults("{{inputs.t}}{{inputs.n}}{{inputs.t}} {{inputs.t}}") == [])
    let message = try faults("{{inputs.t}}{{inputs.t}} {{inputs.t}}{{inputs.t}}").first
    #expect(message?.contains("takes more than 1000 bytes (WF_MAX_OUTPUT_BYTES)") == true)
  }
}

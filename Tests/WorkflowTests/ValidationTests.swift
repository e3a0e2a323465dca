import ExactJSON
import Testing
import Workflow

struct ValidationTests {
  private func faults(_ body: String) throws -> [String] {
    try DefinitionReader.sample.summary(ofFaultsIn: body)
  }

  /// The faults of a body with these steps, without the `body.steps.` that they all begin with.
  private func faults(inSteps steps: String) throws -> [String] {
    try faults("{\"run_name\":\"r\",\"steps\":[\(steps)]}").map {
      $0.split(separator: "body.steps.", maxSplits: 1).joined()
    }
  }

  static let faultyBodies = [
    ("[]", "model_attributes_type at body"),
    (#""text""#, "model_attributes_type at body"),
    (#"{"steps":[{"id":"a","op":"wait"}]}"#, "missing at body.run_name"),
    (#"{"run_name":null,"steps":[{"id":"a","op":"wait"}]}"#, "string_type at body.run_name"),
    (#"{"run_name":"r"}"#, "missing at body.steps"),
    (#"{"run_name":"r","steps":{}}"#, "list_type at body.steps"),
    (#"{"run_name":"r","steps":null}"#, "list_type at body.steps"),
    (#"{"run_name":"r","steps":[]}"#, "too_short at body.steps"),
    (#"{"run_name":"r","inputs":[],"steps":[{"id":"a","op":"wait"}]}"#, "dict_type at body.inputs"),
    (#"{"run_name":"r","inputs":null,"steps":[{"id":"a","op":"wait"}]}"#, "dict_type at body.inputs"),
    (#"{"run_name":"r","x":1,"steps":[{"id":"a","op":"wait"}]}"#, "extra_forbidden at body.x"),
  ]

  @Test(arguments: faultyBodies)
  func `A fault of the body is named at its place`(body: String, fault: String) throws {
    #expect(try faults(body) == [fault])
  }

  static let faultySteps = [
    ("1", "dict_type at 0"),
    (#"{"op":"wait"}"#, "missing at 0.id"),
    (#"{"id":1,"op":"wait"}"#, "string_type at 0.id"),
    (#"{"id":"","op":"wait"}"#, "string_pattern_mismatch at 0.id"),
    (#"{"id":"-a","op":"wait"}"#, "string_pattern_mismatch at 0.id"),
    (#"{"id":"a b","op":"wait"}"#, "string_pattern_mismatch at 0.id"),
    (#"{"id":"a\n","op":"wait"}"#, "string_pattern_mismatch at 0.id"),
    (#"{"id":"inputs","op":"wait"}"#, "value_error at 0.id"),
    (#"{"id":"item","op":"wait"}"#, "value_error at 0.id"),
    (#"{"id":"a","op":"wait"},{"id":"a","op":"wait"}"#, "value_error at 1.id"),
    (#"{"id":"a"}"#, "missing at 0.op"),
    (#"{"id":"a","op":[]}"#, "string_type at 0.op"),
    (#"{"id":"a","op":"Wait"}"#, "literal_error at 0.op"),
    (#"{"id":"a","op":"wait","need":[]}"#, "extra_forbidden at 0.need"),
    (#"{"id":"a","op":"wait","needs":"b"}"#, "list_type at 0.needs"),
    (#"{"id":"a","op":"wait","needs":null}"#, "list_type at 0.needs"),
    (#"{"id":"a","op":"wait","needs":[1]}"#, "string_type at 0.needs.0"),
    (#"{"id":"a","op":"wait"},{"id":"b","op":"wait","needs":["a","c"]}"#, "value_error at 1.needs.1"),
    (#"{"id":"a","op":"wait","params":[]}"#, "dict_type at 0.params"),
    (#"{"id":"a","op":"wait","params":null}"#, "dict_type at 0.params"),
    (#"{"id":"a","op":"wait","params":{"x":1}}"#, "extra_forbidden at 0.params.x"),
    (#"{"id":"a","op":"wait","optional":1}"#, "bool_type at 0.optional"),
    (#"{"id":"a","op":"wait","timeout_s":"1"}"#, "float_type at 0.timeout_s"),
    (#"{"id":"a","op":"wait","timeout_s":0}"#, "value_error at 0.timeout_s"),
    (#"{"id":"a","op":"wait","timeout_s":86401}"#, "value_error at 0.timeout_s"),
    (#"{"id":"a","op":"wait","timeout_s":"@inputs.x"}"#, "float_type at 0.timeout_s"),
    (#"{"id":"a","op":"wait"},{"id":"b","op":"wait","needs":[{"step":"a","on":null}]}"#, "string_type at 1.needs.0.on"),
    (#"{"id":"a","op":"wait"},{"id":"b","op":"wait","needs":[{"on":"any"}]}"#, "missing at 1.needs.0.step"),
    (
      #"{"id":"a","op":"wait"},{"id":"b","op":"wait","needs":[{"step":"a","on":"ok"}]}"#,
      "literal_error at 1.needs.0.on"
    ),
    (
      #"{"id":"a","op":"wait"},{"id":"b","op":"wait","needs":[{"step":1,"on":"any"}]}"#, "string_type at 1.needs.0.step"
    ),
    (
      #"{"id":"a","op":"wait"},{"id":"b","op":"wait","needs":[{"step":"a","on":"any","x":1}]}"#,
      "extra_forbidden at 1.needs.0.x"
    ),
    (#"{"id":"a","op":"wait"},{"id":"b","op":"wait","needs":[{"step":"c","on":"any"}]}"#, "value_error at 1.needs.0"),
    (
      #"{"id":"a","op":"wait"},{"id":"b","op":"wait","needs":["a",{"step":"a","on":"any"}]}"#,
      "value_error at 1.needs.1"
    ),
    (#"{"id":"b","op":"wait","needs":[{"step":"b","on":"any"}]}"#, "value_error at 0.needs"),
  ]

  @Test(arguments: faultySteps)
  func `A fault of a step is named at its place`(steps: String, fault: String) throws {
    #expect(try faults(inSteps: steps) == [fault])
  }

  static let faultyParams = [
    (#"{"source":1}"#, "string_type at 0.params.source"),
    (#"{"source":null}"#, "string_type at 0.params.source"),
    (#"{"source":"","max_tokens":"120"}"#, "int_type at 0.params.max_tokens"),
    (#"{"source":"","max_tokens":1.5}"#, "int_type at 0.params.max_tokens"),
    (#"{"source":"","max_tokens":true}"#, "int_type at 0.params.max_tokens"),
    (#"{"source":"","max_tokens":"@@inputs.n"}"#, "int_type at 0.params.max_tokens"),
    (#"{"source":"","max_tokens":99999999999999999999}"#, "int_type at 0.params.max_tokens"),
    (#"{"source":"","max_tokens":0}"#, "value_error at 0.params.max_tokens"),
    (#"{"source":"","max_tokens":1000001}"#, "value_error at 0.params.max_tokens"),
    (#"{"source":"","temperature":"hot"}"#, "float_type at 0.params.temperature"),
    (#"{"source":"","temperature":-0.1}"#, "value_error at 0.params.temperature"),
    (#"{"source":"","temperature":1e400}"#, "value_error at 0.params.temperature"),
    (#"{"source":"","model":"123456"}"#, "string_too_long at 0.params.model"),
    (#"{"source":"","top_p":1}"#, "extra_forbidden at 0.params.top_p"),
    (#"{"source":"@"}"#, "value_error at 0.params.source"),
    (#"{"source":"@inputs..x"}"#, "value_error at 0.params.source"),
    (#"{"source":"@item"}"#, "value_error at 0.params.source"),
    (#"{"source":"@gone.x"}"#, "value_error at 0.params.source"),
    (#"{}"#, "value_error at 0.params.source"),
  ]

  @Test(arguments: faultyParams)
  func `A fault of a parameter is named at its place`(params: String, fault: String) throws {
    #expect(try faults(inSteps: "{\"id\":\"a\",\"op\":\"llm_summarize\",\"params\":\(params)}") == [fault])
  }

  @Test func `A malformed reference is found at any depth`() throws {
    #expect(
      try faults(inSteps: #"{"id":"a","op":"note","params":{"value":[{"k":["@inputs","@.","@item"]}]}}"#)
        == ["value_error at 0.params.value.0.k.1", "value_error at 0.params.value.0.k.2"])
  }

  @Test func `A reference to an input that is not there is found at any depth, and told what is there`() throws {
    let reader = DefinitionReader.sample
    let step = #"{"id":"a","op":"note","params":{"value":[{"k":["@inputs.text","@inputs.none","@inputs.list[1]"]}]}}"#
    func body(_ inputs: String) -> String { #"{"run_name":"r","inputs":\#(inputs),"steps":[\#(step)]}"# }
    // The second time the steps are known.
    for _ in 1...2 {
      let faults = try reader.faults(in: body(#"{"text":"","list":[0]}"#))
      #expect(faults.map(\.location.last) == [.index(1), .index(2)])
      #expect(
        faults.map(\.message) == [
          "Value error, @inputs.none: no key none; the keys there: text, list",
          "Value error, @inputs.list[1]: no element [1]; an array of 1 is there",
        ])
      #expect(try reader.faults(in: body(#"{"text":"","list":[0,1],"none":null}"#)) == [])
    }
    #expect(try reader.faults(in: body("{}")).count == 3)
    #expect(try faults(inSteps: #"{"id":"a","op":"note","params":{"value":["@inputs","@@inputs.none"]}}"#) == [])
  }

  @Test func `Too long a name and too many steps are refused`() throws {
    let name = String(repeating: "é", count: 201)
    #expect(
      try faults("{\"run_name\":\"\(name)\",\"steps\":[{\"id\":\"a\",\"op\":\"wait\"}]}")
        == ["string_too_long at body.run_name"])
    let steps = (0...1_000).map { "{\"id\":\"s\($0)\",\"op\":\"wait\"}" }.joined(separator: ",")
    #expect(try faults("{\"run_name\":\"r\",\"steps\":[\(steps)]}") == ["too_long at body.steps"])
  }

  @Test func `A cycle names its path, through needs as through references and defaults`() throws {
    func sentences(_ steps: String) throws -> [String] {
      try DefinitionReader.sample.faults(in: "{\"run_name\":\"r\",\"steps\":[\(steps)]}").map(\.message)
    }
    let start = "Value error, the steps wait for each other: "
    #expect(try sentences(#"{"id":"a","op":"wait","needs":["a"]}"#) == [start + "a -> a"])
    #expect(
      try sentences(#"{"id":"a","op":"wait","needs":["b"]},{"id":"b","op":"note","params":{"value":["@a.x"]}}"#)
        == [start + "a -> b -> a"])
    let viaDefault = #"{"id":"llm","op":"llm_summarize"},{"id":"pre","op":"note","params":{"value":"@llm"}}"#
    #expect(try sentences(viaDefault) == [start + "llm -> pre -> llm"])
    #expect(try faults(inSteps: viaDefault) == ["value_error at 0.needs"])
    let two = #"{"id":"a","op":"wait","needs":["a"]},{"id":"b","op":"wait","needs":["c"]},"#
    #expect(
      try sentences(two + #"{"id":"c","op":"wait","needs":["b"]}"#) == [start + "a -> a", start + "b -> c -> b"])
  }

  @Test func `A cycle of a thousand steps is one fault with the beginning of its path`() throws {
    let steps = (0..<1_000).map { "{\"id\":\"s\($0)\",\"op\":\"wait\",\"needs\":[\"s\(($0 + 1) % 1_000)\"]}" }
    let body = "{\"run_name\":\"r\",\"steps\":[\(steps.joined(separator: ","))]}"
    let faults = try DefinitionReader.sample.faults(in: body)
    #expect(faults.count == 1)
    let way = (0..<100).map { "s\($0)" }.joined(separator: " -> ")
    #expect(faults.first?.message.hasPrefix("Value error, the steps wait for each other: " + way) == true)
    #expect(faults.first?.message.hasSuffix("…") == true)
  }

  @Test func `All faults of a body are reported at once, in its order`() throws {
    let body =
      #"{"extra":1,"inputs":3,"steps":[{"id":"a","op":"nope","need":["b"]},7,"#
      + #"{"id":"b","op":"llm_summarize","needs":["a","gone",4],"params":{"max_tokens":"many","top_k":1}},"#
      + #"{"id":"b","op":"store_result","needs":["c"],"params":{"data":"@"}},{"id":"c","op":"wait","needs":["c"]}]}"#
    #expect(
      try faults(body) == [
        "extra_forbidden at body.extra", "missing at body.run_name", "dict_type at body.inputs",
        "extra_forbidden at body.steps.0.need", "literal_error at body.steps.0.op", "dict_type at body.steps.1",
        "string_type at body.steps.2.needs.2", "int_type at body.steps.2.params.max_tokens",
        "extra_forbidden at body.steps.2.params.top_k", "value_error at body.steps.3.params.data",
        "value_error at body.steps.3.id", "value_error at body.steps.2.needs.1",
        "value_error at body.steps.2.params.source", "value_error at body.steps.4.needs",
      ])
  }

  @Test func `A step whose params are faulty is still there for those that wait for it`() throws {
    #expect(
      try faults(inSteps: #"{"id":"a","op":"wait","params":1},{"id":"b","op":"wait","needs":["a"]}"#)
        == ["dict_type at 0.params"])
  }

  @Test func `A fault has the shape that clients of FastAPI know`() throws {
    let faults = try DefinitionReader.sample.faults(in: #"{"run_name":"r","steps":[{"id":"a","op":"nope"}]}"#)
    #expect(
      faults.map(\.json.text) == [
        #"{"type":"literal_error","loc":["body","steps",0,"op"],"#
          + #""msg":"Input should be 'llm_summarize', 'note', 'preprocess', 'store_result' or 'wait'","input":"nope"}"#
      ])
    let missing = try DefinitionReader.sample.faults(in: #"{"steps":[{"id":"a","op":"wait"}]}"#)
    #expect(
      missing.map(\.json.text) == [
        #"{"type":"missing","loc":["body","run_name"],"msg":"Field required","#
          + #""input":{"steps":[{"id":"a","op":"wait"}]}}"#
      ])
  }

  @Test func `As many faults are listed as fit an answer of 64 KiB, and the rest is counted`() throws {
    func body(extras: Int) -> String {
      let extras = (0..<extras).map { "\"x\($0)\":0," }.joined()
      return "{\(extras)\"run_name\":\"r\",\"steps\":[{\"id\":\"a\",\"op\":\"wait\"}]}"
    }
    #expect(try faults(body(extras: 500)).count == 500)
    let faults = try DefinitionReader.sample.faults(in: body(extras: 12_345))
    let listed = faults.count - 1
    #expect((500...1_000).contains(listed))
    #expect(faults[listed - 1].location == [.key("body"), .key("x\(listed - 1)")])
    let last = #"{"type":"too_many_faults","loc":["body"],"msg":"and \#(12_345 - listed) more faults","input":null}"#
    #expect(faults[listed].json.text == last)
  }

  @Test func `The first unknown field of an object is told with those that are known`() throws {
    let body = #"{"run_name":"r","x":1,"y":2,"steps":[{"id":"a","op":"wait","z":3}]}"#
    let messages = try DefinitionReader.sample.faults(in: body).map(\.message)
    #expect(messages.count == 3 && messages[0].contains("; known are run_name, inputs, steps, "), "\(messages)")
    #expect(messages[1] == "Extra inputs are not permitted")
    #expect(messages[2].contains("; known are id, op, needs, params, "), "\(messages)")
  }

  @Test func `What stood at the fault is shortened where it is long`() throws {
    let long = String(repeating: "é", count: 1_000)
    let numbers = (0..<1_000).map(String.init).joined(separator: ",")
    let body =
      "{\"run_name\":[\(numbers)],\"inputs\":\"\(long)\",\"n\":1\(String(repeating: "0", count: 1_000)),"
      + "\"steps\":{\"a\":\"\(long)\"}}"
    #expect(
      try DefinitionReader.sample.faults(in: body).map(\.input) == [
        "a number of many digits", "an array of 1000", .string(String(repeating: "é", count: 100) + "…"),
        "an object of 1",
      ])
  }

  @Test func `A schema can ask for a parameter, a boolean, an array, and what holds between numbers`() throws {
    let schema = ParameterSchema(
      [
        .init(required: "r", .array), .init("b", .boolean), .init("n", .integer(0...9)), .init("m", .integer(0...9)),
      ], rules: [.atMostOne(["b", "m"]), .less("n", than: "m")])
    func shown(_ params: JSONObject) -> [String] {
      schema.faults(in: params, at: [.key("params")]).map(\.json.text)
    }
    #expect(
      shown([:]) == [#"{"type":"missing","loc":["params","r"],"msg":"Field required","input":{}}"#])
    #expect(
      shown(["r": ["a": 1], "b": 1]) == [
        #"{"type":"list_type","loc":["params","r"],"msg":"Input should be a valid list","input":{"a":1}}"#,
        #"{"type":"bool_type","loc":["params","b"],"msg":"Input should be a valid boolean","input":1}"#,
      ])
    #expect(
      shown(["r": [], "b": true, "n": 3, "m": 3]) == [
        #"{"type":"value_error","loc":["params","m"],"msg":"Value error, only one of b and m can be given","input":3}"#,
        #"{"type":"value_error","loc":["params","n"],"msg":"Value error, n must be less than m, which is 3","input":3}"#,
      ])
    #expect(shown(["r": "@a.b", "b": "@a.b"]) == [])
    #expect(shown(["r": ["@a.b", nil], "n": "@a.b", "m": 3]) == [])
    #expect(throws: StepFailure(.operationFailed, "r is missing")) { try schema.check(resolved: [:]) }
    #expect(throws: StepFailure(.operationFailed, "n: n must be less than m, which is 2")) {
      try schema.check(resolved: ["r": [], "n": 2, "m": 2])
    }
    #expect(throws: StepFailure(.operationFailed, "b: Input should be a valid boolean, not a string")) {
      try schema.check(resolved: ["r": [], "b": "true"])
    }
  }

  @Test func `Resolved parameters are checked again, and the first that does not fit is named`() throws {
    let schema = ParameterSchema([
      .init("n", .integer(1...3)), .init("s", .string(maxScalars: 3)), .init("any", .any), .init("f", .number(0...1)),
    ])
    func sentence(_ params: JSONObject) -> String? {
      do {
        try schema.check(resolved: params)
        return nil
      } catch {
        return error.code == .operationFailed ? error.message : "\(error)"
      }
    }
    #expect(sentence(["n": 3, "s": "@@a", "any": "@.", "f": 1]) == nil)
    #expect(sentence([:]) == nil)
    #expect(sentence(["n": "@a", "s": 1]) == "n: Input should be a valid integer, not a string")
    #expect(sentence(["s": ["a"]]) == "s: Input should be a valid string, not an array")
    #expect(sentence(["f": .null]) == "f: Input should be a valid number, not null")
    #expect(sentence(["n": 4]) == "n: Value error, Input should be from 1 to 3; it is 4")
  }
}

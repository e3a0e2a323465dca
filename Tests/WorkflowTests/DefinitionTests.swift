import ExactJSON
import Testing
import Workflow

struct DefinitionTests {
  private func read(_ body: String) throws -> WorkflowDefinition { try DefinitionReader.sample.read(text: body) }

  /// A body with these steps.
  private func body(_ steps: String...) -> String {
    "{\"run_name\":\"r\",\"steps\":[\(steps.joined(separator: ","))]}"
  }

  @Test func `A body becomes a definition with the defaults of every operation`() throws {
    let definition = try read(
      #"{"run_name":"summarize","inputs":{"text":"a","n":1e400},"steps":["#
        + #"{"id":"pre","op":"preprocess","params":{"field":"text"}},"#
        + #"{"id":"llm","op":"llm_summarize","needs":["pre"],"params":{"max_tokens":100}},"#
        + #"{"id":"store","op":"store_result","needs":["llm"],"params":{"namespace":"summaries"}}]}"#)
    #expect(definition.runName == "summarize")
    #expect(JSONValue.object(definition.inputs).text == #"{"text":"a","n":1e400}"#)
    #expect(definition.steps.map(\.id) == ["pre", "llm", "store"])
    #expect(definition.steps.map(\.op) == ["preprocess", "llm_summarize", "store_result"])
    let params = definition.steps.map { JSONValue.object($0.params).text }
    #expect(
      params == [
        #"{"field":"text"}"#, #"{"max_tokens":100,"source":"@pre.clean_text"}"#,
        #"{"namespace":"summaries","data":"@llm.summary"}"#,
      ])
  }

  @Test func `Inputs, needs and params may be left out`() throws {
    let definition = try read(body(#"{"id":"a","op":"wait"}"#))
    #expect(definition.inputs.isEmpty)
    #expect(definition.steps == [StepDefinition(id: "a", op: "wait", needs: [], params: [:])])
  }

  @Test func `A default that is a reference is a dependency`() throws {
    let definition = try read(body(#"{"id":"llm","op":"llm_summarize"}"#, #"{"id":"pre","op":"preprocess"}"#))
    #expect(definition.steps.map(\.dependencies) == [["pre"], []])
    #expect(StepGraph(definition.steps).topologicalOrder == [1, 0])
  }

  @Test func `A default that is written over is no dependency`() throws {
    let definition = try read(body(#"{"id":"llm","op":"llm_summarize","params":{"source":"@inputs"}}"#))
    #expect(definition.steps[0].dependencies.isEmpty)
  }

  @Test func `A reference may stand where a number is wanted`() throws {
    let step = #"{"id":"b","op":"llm_summarize","params":{"source":"@a","max_tokens":"@a.n","temperature":"@inputs"}}"#
    #expect(try read(body(#"{"id":"a","op":"wait"}"#, step)).steps[1].dependencies == ["a"])
  }

  @Test func `The limits themselves are within the limits`() throws {
    let id = String(repeating: "i", count: 128)
    let steps = (0..<999).map { "{\"id\":\"s\($0)\",\"op\":\"wait\",\"needs\":[\"\(id)\"]}," }.joined()
    let name = String(repeating: "😀", count: 200)
    let definition = try read(
      "{\"run_name\":\"\(name)\",\"steps\":[\(steps){\"id\":\"\(id)\",\"op\":\"wait\"}]}")
    #expect(definition.steps.count == 1_000 && definition.runName == name)
    for tokens in ["1", "1000000"] {
      let step = "{\"id\":\"a\",\"op\":\"llm_summarize\",\"params\":{\"source\":\"\",\"max_tokens\":\(tokens)}}"
      #expect(throws: Never.self) { try read(body(step)) }
    }
    #expect(try read(#"{"run_name":"","steps":[{"id":"a","op":"wait"}]}"#).runName.isEmpty)
  }

  @Test func `A text is measured without the at sign that escapes it`() throws {
    let good = #"{"id":"a","op":"llm_summarize","params":{"source":"","model":"@@234 "}}"#
    #expect(try read(body(good)).steps[0].params["model"] == "@@234 ")
  }

  @Test func `A stored step reads back as it was`() throws {
    let params: JSONObject = ["v": .number(try #require(JSONNumber(text: "1e400"))), "r": ["@b", "@@"]]
    let step = StepDefinition(id: "a", op: "note", needs: ["b"], params: params)
    #expect(step.json.text == #"{"id":"a","op":"note","needs":["b"],"params":{"v":1e400,"r":["@b","@@"]}}"#)
    #expect(StepDefinition(json: step.json) == step)
    #expect(StepDefinition(json: ["id": "a", "op": "note", "needs": []]) == nil)
  }
}

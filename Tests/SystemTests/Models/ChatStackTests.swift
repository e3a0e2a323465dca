import Curl
import ExactJSON
import ModelServer
import SystemHarness
import Testing

/// `llm_chat` on the whole stack.
@Suite struct ChatStackTests {
  private static let form: JSONValue = [
    "type": "object", "properties": ["town": ["type": "string"], "people": ["type": "integer"]],
    "required": ["town", "people"], "additionalProperties": false,
  ]

  private func body(_ params: JSONObject = [:], form: JSONValue? = ChatStackTests.form) -> JSONValue {
    var params = params
    if params["messages"] == nil { params["prompt"] = "How many live in {{inputs.town}}?" }
    params["response_schema"] = form
    let steps: JSONValue = [
      ["id": "ask", "op": "llm_chat", "params": .object(params), "retry": ["delay_s": 0]],
      ["id": "store", "op": "store_result", "params": ["data": "@ask.text"]],
    ]
    return ["run_name": "chat", "inputs": ["town": "Bergen"], "steps": steps]
  }

  private func prompts(_ model: ModelServer) -> [String?] {
    model.calls.map { $0.body?.objectValue?["messages"]?.arrayValue?.last?.objectValue?["content"]?.stringValue }
  }

  private func keys(_ model: ModelServer) -> [String?] { model.calls.map { $0.headers["idempotency-key"] } }

  @Test func `A text is asked for with the values of references, and other steps refer to it`() async throws {
    try await Stack.withModel { stack, model in
      model.behaviour = .answer(text: "Many.")
      let status = try await stack.run(body(form: nil))
      #expect(status.at("result", "outputs", "ask", "text") == "Many.")
      #expect(status.at("result", "stores", "default") == ["Many."])
      let messages: JSONValue = [
        ["role": "system", "content": "Town: {{inputs.town}}"], ["role": "user", "content": "@inputs.town"],
      ]
      _ = try await stack.run(body(["messages": messages, "system": "{{inputs.town}}!"], form: nil))
      #expect(prompts(model) == ["How many live in Bergen?", "Bergen"])
      #expect(
        model.calls.last?.body?.objectValue?["messages"]?.arrayValue?.prefix(2) == [
          ["role": "system", "content": "Bergen!"], ["role": "system", "content": "Town: Bergen"],
        ])
    }
  }

  @Test func `An answer of the form is parsed; one of another form is repaired by a second call`() async throws {
    try await Stack.withModel { stack, model in
      model.behaviour = .answer(text: #"{"town":"Bergen","people":291940}"#)
      let first = try await stack.run(body())
      #expect(first.at("result", "outputs", "ask", "json") == ["town": "Bergen", "people": 291_940])
      #expect(model.calls.count == 1)
      model.script([.answer(text: #"{"town":"Bergen"}"#)])
      let id = try await stack.submit(body())
      let second = try await stack.end(of: id)
      #expect(second.at("result", "outputs", "ask", "json", "people") == 291_940)
      #expect(second.at("steps", "ask", "attempts") == 1)
      #expect(Array(keys(model).dropFirst()) == ["\(id)/ask", "\(id)/ask~repair"])
      #expect(prompts(model).last??.contains(#"has no member "people""#) == true)
      let counts = model.calls.suffix(2)
      let one = try #require(second.at("result", "outputs", "ask", "usage", "completion_tokens")?.numberValue?.int)
      let alone = try #require(first.at("result", "outputs", "ask", "usage", "completion_tokens")?.numberValue?.int)
      #expect(counts.count == 2 && one > alone)
      #expect(try stack.log(of: "worker-1").contains("the answer is asked for again"))
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `A repair that fails is repeated without the question, which was answered`() async throws {
    try await Stack.withModel { stack, model in
      model.script([.answer(text: "Many."), .status(503)])
      model.behaviour = .answer(text: #"{"town":"Bergen","people":291940}"#)
      let id = try await stack.submit(body())
      let status = try await stack.end(of: id)
      #expect(status.at("result", "outputs", "ask", "json", "people") == 291_940)
      #expect(status.at("steps", "ask", "attempts") == 2)
      #expect(keys(model) == ["\(id)/ask", "\(id)/ask~repair", "\(id)/ask~repair"])
      #expect(try await Audit(stack).problems(of: [id]) == [])
    }
  }

  @Test func `After two answers of other forms the step fails at once, with both faults`() async throws {
    try await Stack.withModel { stack, model in
      model.script([.answer(text: "Many."), .answer(text: #"{"town":7,"people":1}"#)])
      let status = try await stack.run(body())
      #expect(status["status"] == "failed" && status["error_code"] == "invalid_answer")
      let error = status["error"]?.stringValue ?? ""
      #expect(error.contains("it is not valid JSON") && error.contains("/town must be a string, not an integer"))
      let entry = (status["progress"]?.arrayValue ?? []).compactMap(\.objectValue).first { $0["msg"] == "step_failed" }
      #expect(entry?["error"]?.stringValue.map { error.hasSuffix($0) } == true)
      #expect(model.calls.count == 2)
    }
  }

  @Test func `The next model of the chain has its own answer and its own repair`() async throws {
    try await Stack.withChain { stack, chain in
      chain.first.behaviour = .answer(text: "Many.")
      chain.second.script([.answer(text: "A lot.")])
      chain.second.behaviour = .answer(text: #"{"town":"Bergen","people":1}"#)
      let id = try await stack.submit(body())
      let status = try await stack.end(of: id)
      #expect(status.at("result", "outputs", "ask", "model") == "m2")
      #expect(chain.idempotencyKeys(chain.first) == ["\(id)/ask", "\(id)/ask~repair"])
      #expect(chain.idempotencyKeys(chain.second) == ["\(id)/ask#second", "\(id)/ask~repair#second"])
    }
  }

  @Test func `Faults of parameters are refused at submission, with their places`() async throws {
    try await Stack.withModel { stack, model in
      for (params, words) in [
        (["prompt": "x", "messages": []], "there must be 1 to 1000 messages"),
        (
          ["messages": [["role": "user", "content": "x"]], "prompt": "y"],
          "only one of prompt and messages can be given"
        ),
        ([:], "one of prompt and messages must be given"),
        (
          ["prompt": "x", "response_schema": ["properties": ["a": ["pattern": "b"]]]],
          "at /properties/a: the keyword 'pattern'"
        ),
        (["prompt": "x", "stop": ["a", "b", "c", "d", "e"]], "at most 4 items"),
        (["prompt": "x", "max_tokens": 0], "from 1 to"),
      ] as [(JSONValue, String)] {
        let body: JSONValue = ["run_name": "x", "steps": [["id": "ask", "op": "llm_chat", "params": params]]]
        let answer = try await stack.post(body.bytes)
        let text = String(decoding: answer.body, as: UTF8.self)
        #expect(answer.status == 422 && text.contains(words), "\(text)")
      }
      #expect(model.calls.isEmpty)
    }
  }

  @Test func `Without a model the submission is refused, and says what is missing`() async throws {
    let stack = try await SharedStack.get()
    let answer = try await stack.post(body().bytes)
    let text = String(decoding: answer.body, as: UTF8.self)
    #expect(answer.status == 422)
    #expect(text.contains("llm_chat needs a model: WF_LLM_BASE_URL and WF_LLM_MODEL, or WF_MODELS_FILE"), "\(text)")
  }
}

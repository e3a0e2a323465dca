import ExactJSON
import ModelServer
import Testing
import Workflow
import WorkflowLLM

@Suite(.timeLimit(.minutes(5))) struct AnswerTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  /// What a model makes of a body with status 200.
  private func answer(_ body: String, type: String = "application/json") async throws -> ChatAnswer {
    server.behaviour = .status(200, headers: [("Content-Type", type)], body: body)
    return try await server.model().complete(.example)
  }

  @Test func `Of the usage only what counts is shown`() async throws {
    let usage = #"{"total_tokens":7,"note":"https://internal","parts":["x"],"d":{"n":1,"s":"x"}}"#
    let answer = try await answer(#"{"usage":\#(usage),"choices":[{"message":{"content":"A bay."}}]}"#)
    #expect(answer.usage == ["total_tokens": 7, "d": ["n": 1]])
  }

  /// Each part made the rest be read again: 64 kB took seconds.
  @Test(arguments: ["<think>x</think>", "<THINKING>x</thinking>", "[THINK]x[/THINK]"])
  func `Reasoning in many parts is removed in one pass`(part: String) async throws {
    let content = String(repeating: part, count: 100_000) + "A bay."
    #expect(try await answer(#"{"choices":[{"message":{"content":"\#(content)"}}]}"#).text == "A bay.")
  }

  @Test func `In a stream another choice is another text`() async throws {
    let pieces = [(0, "A "), (1, "no"), (0, "bay.")].map { index, text in
      #"data: {"choices":[{"index":\#(index),"delta":{"content":"\#(text)"}}]}"# + "\n\n"
    }
    let end = #"data: {"choices":[{"index":0,"finish_reason":"stop"}]}"# + "\n\n"
    let answer = try await answer(pieces.joined() + end, type: "text/event-stream")
    #expect(answer.text == "A bay.")
  }

  @Test func `An answer is its text, the model that spoke, and the provider's count as it wrote it`() async throws {
    let usage = #"{"total_tokens":9007199254740993,"cost":1.50,"details":{"b":1e400,"a":null}}"#
    let answer = try await answer(
      #"{"model":"gpt-test-0613","usage":\#(usage),"choices":[{"message":{"content":"A bay.\n"},"finish_reason":"stop"}]}"#
    )
    #expect(answer.text == "A bay.\n")
    #expect(answer.model == "gpt-test-0613")
    #expect(answer.usage.text == usage)
    #expect(answer.finishReason == "stop")
  }

  @Test func `A model that is named by the path of its file is shown by the file's name`() async throws {
    let answer = try await answer(#"{"model":"/srv/models/tiny.gguf","choices":[{"message":{"content":"A"}}]}"#)
    #expect(answer.model == "tiny.gguf")
  }

  @Test(arguments: ["x", "\u{301}"]) func `A model's name is cut`(scalar: String) async throws {
    let name = "a" + String(repeating: scalar, count: 100_000)
    let answer = try await answer(#"{"model":"\#(name)","choices":[{"message":{"content":"A"}}]}"#)
    #expect(answer.model.unicodeScalars.count == 200)
  }

  @Test(arguments: [#""message":{"content":{"type":"text","text":"A bay."}}"#, #""text":"A bay.""#])
  func `One part without its list, and the text of the older protocol, are the text`(choice: String) async throws {
    #expect(try await answer(#"{"choices":[{\#(choice)}]}"#).text == "A bay.")
  }

  @Test func `Where the provider says nothing beside the text, the model asked for is named`() async throws {
    let answer = try await answer(#"{"choices":[{"message":{"content":"A bay."}},{"message":{"content":"other"}}]}"#)
    #expect(answer == ChatAnswer(text: "A bay.", model: "gpt-test", usage: .null))
  }

  @Test(arguments: [200, 201, 203]) func `Any status of success is an answer`(status: Int) async throws {
    server.behaviour = .status(status, body: #"{"choices":[{"message":{"content":"A bay."}}]}"#)
    #expect(try await server.model().complete(.example).text == "A bay.")
  }

  @Test(
    arguments: [
      (#""<think>\nHm.\n</think>\n\nA bay.""#, "A bay."), (#""\n<thinking>Hm.</thinking>A bay.""#, "A bay."),
      (#""[THINK]Hm.[/THINK] A bay.""#, "A bay."), (#""<think></think><think>b</think>A bay.""#, "A bay."),
      (#""Hm.\n</think>\n\nA bay.""#, "A bay."), (#""A <think>bay</think>.""#, "A <think>bay</think>."),
      (#""The tag </think> ends it.""#, "The tag </think> ends it."),
      (#""<Reasoning>Hm.</REASONING>A bay.""#, "A bay."), (#""<thought>Hm.</thought>A bay.""#, "A bay."),
      (#""<think>a<think>b</think>c</think>A bay.""#, "A bay."), (#""</think>\n\nA bay.""#, "A bay."),
      (#""<think>The tag <think>?\n</think>\nA bay.""#, "A bay."),
      (
        #""<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>A bay.<|return|>""#,
        "A bay."
      ),
      (
        #""<|start|>assistant<|channel|>analysis<|message|>Hm.<|channel|>final <|constrain|>x<|message|>A bay.""#,
        "A bay."
      ),
      (#""In <|channel|>final<|message|> lies the answer.""#, "In <|channel|>final<|message|> lies the answer."),
      (#""Hm.\r\n</think>\r\nA bay.""#, "A bay."), (#""\ufeff<think>Hm.</think>A bay.""#, "A bay."),
      (
        #"[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"A "},{"text":"bay."}]"#,
        "A bay."
      ),
      (#"["A ","bay."]"#, "A bay."), (#"[{"type":"output_text","text":"A bay."}]"#, "A bay."),
      (#""  A bay. ""#, "  A bay. "),
    ])
  func `Reasoning is no part of the text, and parts are joined`(content: String, text: String) async throws {
    #expect(try await answer(#"{"choices":[{"message":{"content":\#(content)}}]}"#).text == text)
  }

  @Test(
    arguments: [
      "\u{feff}{\"choices\":[{\"message\":{\"content\":\"A bay.\"}}]}",
      #"{"choices":[],"choices":[{"message":{"content":"A bay."}}]}"#,
      #"{"choices":[{"message":{"content":"A bay."},"logprobs":{"p":-Infinity,"q":NaN}}]}"#,
      #"{"error":0,"choices":[{"message":{"content":"A bay."},"error":[]}]}"#,
      #"{"error":{"code":0,"message":"","details":[null]},"choices":[{"message":{"content":"A bay."}}]}"#,
      #"{"error":null,"choices":[{"message":{"content":"A bay.","refusal":null,"tool_calls":[]},"error":null}]}"#,
      "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"A \"}}]}\n\n"
        + "data: {\"choices\":[{\"delta\":{\"content\":\"bay.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
      ": ping\n\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\n\n"
        + "event: x\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"A bay.\"},\"finish_reason\":\"stop\"}]}\r\n\r\n"
        + "data: {\"choices\":[],\"usage\":{\"total_tokens\":7}}",
    ])
  func `What a provider means is read, however it writes it`(body: String) async throws {
    #expect(try await answer(body).text == "A bay.")
  }

  @Test func `An answer that is cut, wherever, is one that did not come, and not one that is wrong`() async throws {
    let whole = Array(#"{"n":[-1.5e+3,true,null],"choices":[{"message":{"content":"å\u00e5\ud83d\ude00"}}]}"#.utf8)
    for length in 0..<whole.count {
      server.behaviour = .bytes(Array(whole[..<length]))
      let failure = try await server.model().failure()
      #expect(failure.code == .providerUnavailable && failure.isTransient, "\(length)")
    }
  }

  @Test func `Half of a character becomes the replacement character`() async throws {
    #expect(try await answer(#"{"choices":[{"message":{"content":"done \ud83d"}}]}"#).text == "done \u{fffd}")
  }

  @Test func `A stream has the last count, the model and the reason of its pieces`() async throws {
    let answer = try await answer(
      """
      data: {"model":"m1","usage":null,"choices":[{"index":0,"delta":{"content":"A bay"}},{"index":1,"delta":{"content":"no"}}]}

      data: {"choices":[{"index":0,"delta":{},"finish_reason":"length"}]}

      data: {"choices":[],"usage":{"total_tokens":7}}
      """, type: "text/event-stream; charset=utf-8")
    #expect(answer == ChatAnswer(text: "A bay", model: "m1", usage: ["total_tokens": 7], finishReason: "length"))
  }

  @Test(
    arguments: [
      (#"{"content":"","reasoning_content":"thinking"}"#, "length", ErrorCode.invalidAnswer),
      (#"{"content":null}"#, "content_filter", .providerRejected),
      (#"{"content":"  \n\u200b"}"#, "stop", .invalidAnswer),
      (#"{"content":"<think>on and on"}"#, "length", .invalidAnswer),
      (#"{"content":"<think>on <think>and</think> on"}"#, "length", .invalidAnswer),
      (#"{"content":"<|channel|>analysis<|message|>on and on"}"#, "length", .invalidAnswer),
      (#"{}"#, "stop", .invalidAnswer),
      (#"{"content":null,"tool_calls":[{"id":"1"}]}"#, "tool_calls", .invalidAnswer),
      (#"{"content":1}"#, "stop", .invalidAnswer),
      (#"{"content":null,"refusal":"I cannot help with that."}"#, "stop", .providerRejected),
      (#"{"content":[]}"#, "stop", .invalidAnswer),
    ])
  func `An answer without text is a failure that says why, costs one call and keeps the count`(
    message: String, reason: String, code: ErrorCode
  ) async throws {
    let usage = #"{"completion_tokens":99,"completion_tokens_details":{"reasoning_tokens":90}}"#
    server.behaviour = .malformed(
      #"{"choices":[{"message":\#(message),"finish_reason":"\#(reason)"}],"usage":\#(usage)}"#)
    let failure = try await server.repeatedCalls().failure()
    #expect(failure.code == code && !failure.isTransient)
    #expect(failure.usage.text == usage)
    if message.contains("cannot help") {
      #expect(failure.message == "the model refused to answer")
      #expect(failure.detail == "I cannot help with that.")
    } else {
      #expect(
        failure.message.hasPrefix(
          "the model's answer has no text: finish_reason \(reason), max_tokens 100, 99 tokens of answer, 90 tokens of reasoning"
        ))
      #expect(failure.message.contains("raise max_tokens") == (reason == "length"))
    }
    #expect(server.calls.count == 1)
  }

  @Test(
    arguments: [
      ("", ErrorCode.providerUnavailable), (" \n", .providerUnavailable),
      (#"{"choices":[{"mess"#, .providerUnavailable),
      ("<!doctype html><html><title>Maintenance</title>", .invalidAnswer), ("upstream error", .invalidAnswer),
      ("null", .invalidAnswer), ("[]", .invalidAnswer), ("{}", .invalidAnswer), (#"{"choices":null}"#, .invalidAnswer),
      (#"{"choices":[]}"#, .invalidAnswer), (#"{"message":"warming up"}"#, .invalidAnswer),
      (#"{"error":{"message":"upstream","code":502}}"#, .providerUnavailable),
      (#"{"error":"oops"}"#, .providerUnavailable),
      (#"{"error":{"code":"429"}}"#, .rateLimited), (#"{"error":{"type":"rate_limit_error"}}"#, .rateLimited),
      (#"{"error":{"code":408}}"#, .timeout),
      (#"[{"error":{"code":503,"status":"UNAVAILABLE"}}]"#, .providerUnavailable),
      (#"{"choices":[{"message":{"content":""},"finish_reason":"error","error":{"code":502}}]}"#, .providerUnavailable),
      (#"{"choices":[{"message":{"content":"A b"},"finish_reason":"error"}]}"#, .providerUnavailable),
      ("data: {\"choices\":[{\"delta\":{\"content\":\"A b\"}}]}\n\n", .providerUnavailable),
      ("data: {\"error\":{\"message\":\"full\",\"code\":\"429\"}}\n\ndata: [DONE]\n\n", .rateLimited),
      ("data: {\"choices\":[{\"delta\":\n\n", .providerUnavailable),
    ])
  func `What is no answer although its status is 200 may pass: it is asked for again`(
    body: String, code: ErrorCode
  ) async throws {
    server.behaviour = .malformed(body)
    let failure = try await server.model().failure()
    #expect(failure.code == code && failure.isTransient)
    server.script([.malformed(body), .answer(text: "the second try")])
    #expect(try await server.repeatedCalls().complete(.example).text == "the second try")
  }

  @Test(
    arguments: [
      #"{"error":{"message":"no","code":"invalid_api_key"}}"#, #"{"error":{"message":"no","code":400}}"#,
      #"{"error":{"code":"insufficient_quota"}}"#, #"{"object":"error","message":"no","type":"invalid_request_error"}"#,
    ])
  func `An error of status 400 to 499 is a refusal also where it comes with status 200`(body: String) async throws {
    server.behaviour = .malformed(body)
    let failure = try await server.repeatedCalls().failure()
    #expect(failure.code == .providerRejected && !failure.isTransient)
    #expect(server.calls.count == 1)
  }

  @Test func `A page in place of an answer is named by its type, and its title goes to the log`() async throws {
    server.behaviour = .status(
      200, headers: [("Content-Type", "text/html; charset=utf-8")],
      body: "<!doctype html><html><head><title>Down for maintenance</title></head><h1>Soon</h1></html>")
    let failure = try await server.model().failure()
    #expect(failure.message == "the model's answer is text/html, not JSON")
    #expect(failure.detail.contains("Down for maintenance"))
  }
}

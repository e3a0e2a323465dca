import ExactJSON
import ModelServer
import SystemHarness
import Testing

/// What a call counts as that says nothing of what it has used: the most that it may have cost, unless it certainly did
/// no work.
@Suite struct ModelChargeTests {
  /// How a call ends, and what it then counts as.
  private struct Row {
    let what: String
    let model: String
    /// What the server says; nil where it is not reached.
    let answer: ModelServer.Behaviour?
    /// The cost, and whether it is an estimate.
    let counts: (cost: String, isEstimate: Bool)

    init(_ what: String, _ answer: ModelServer.Behaviour?, model: String = "m", _ counts: (String, Bool)) {
      (self.what, self.answer, self.model) = (what, answer, model)
      self.counts = (cost: counts.0, isEstimate: counts.1)
    }
  }

  /// 100 tokens of the answer at 1000 for a million.
  private static let most = ("0.1", true)
  private static let nothing = ("0", false)

  private static func stream(_ pieces: [ModelServer.Piece]) -> ModelServer.Behaviour {
    .pieces([StreamedAnswerTests.head] + pieces)
  }

  private static func data(_ text: String) -> ModelServer.Piece { .bytes(Array("data: \(text)\n\n".utf8)) }

  private static let text = ["one ", "two "].map { StreamedAnswerTests.event($0) }
  private static let limit = data(#"{"error":{"message":"slow down","code":429}}"#)

  private static func answer(_ usage: String, text: String = #""fine""#) -> ModelServer.Behaviour {
    .malformed(#"{"choices":[{"message":{"content":\#(text)},"finish_reason":"stop"}]\#(usage)}"#)
  }

  /// The table of the page Models, row by row.
  private static let rows: [Row] =
    [
      Row("text, then a reset", stream(text + [.pause(.milliseconds(50)), .reset]), most),
      Row("text, then the end", stream(text + [.end]), most),
      Row("text, then an error", stream(text + [data(#"{"error":{"message":"x"}}"#)]), most),
      Row("text, then a limit", stream(text + [limit]), most),
      Row("a limit before any text", stream([limit]), nothing),
      Row("an error before any text", stream([data(#"{"error":{"message":"x"}}"#)]), most),
      Row("an event that is no JSON", stream(text + [data("{")]), most),
      Row("half of an answer", .dieInTheMiddle, most),
      Row("no answer", .hangUp, most),
      Row("no HTTP", .garbage, most),
      Row("no answer in time", .hold, model: "hasty", most),
      Row("an answer without a count", answer(""), most),
      Row("an answer whose count is 0", answer(#","usage":{"prompt_tokens":0,"completion_tokens":0}"#), most),
      Row("a count", answer(#","usage":{"prompt_tokens":9,"completion_tokens":3}"#), ("0.003", false)),
      Row("a count of the answer alone", answer(#","usage":{"completion_tokens":3}"#), ("0.003", true)),
      Row(
        "no text, with a count", answer(#","usage":{"prompt_tokens":9,"completion_tokens":3}"#, text: "null"),
        ("0.003", false)),
      Row("no text", answer("", text: "null"), most),
      Row("an empty answer", .malformed(""), most), Row("a page", .malformed("<html>"), most),
      Row("an error with status 200", .malformed(#"{"error":{"code":502}}"#), most),
      Row("a refusal with status 200", .malformed(#"{"error":{"code":429}}"#), nothing),
      Row("a prompt that a filter refused", .status(400, body: #"{"error":{"code":"content_filter"}}"#), most),
      Row("500 for a 429", .status(500, body: #"{"detail":"Error code: 429 - {}"}"#), nothing),
      Row(
        "429 that is cut",
        .pieces([.bytes(Array("HTTP/1.1 429 No\r\nContent-Length: 9\r\n\r\nno".utf8)), .end]), nothing),
      Row("a closed port", nil, model: "closed", nothing), Row("no TLS", nil, model: "plain", nothing),
      // The first event counts 9 tokens of the prompt and, as Anthropic's, 1 of the answer.
      Row(
        "a break after the prompt was counted",
        stream([
          data(#"{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}"#),
          data(#"{"type":"content_block_delta","delta":{"type":"text_delta","text":"one"}}"#), .reset,
        ]), model: "messages", ("0.109", true)),
    ]
    + [408, 424, 499, 500, 502, 504, 524].map { Row("status \($0)", .status($0), most) }
    + [301, 400, 401, 403, 404, 409, 413, 422, 429, 498, 501, 503, 529].map {
      Row("status \($0)", .status($0), nothing)
    }

  private func withModels(
    _ settings: [String: String] = [:], _ body: @escaping @Sendable (Stack, ModelServer) async throws -> Void
  ) async throws {
    try await withFolder { folder in
      let model = try ModelServer()
      defer { model.close() }
      let answers = #""prices":{"input":0,"output":1000}"#
      let models = [
        #"{"name":"m","base_url":"\#(model.baseURL)",\#(answers)}"#,
        #"{"name":"hasty","base_url":"\#(model.baseURL)","timeout_s":0.3,\#(answers)}"#,
        #"{"name":"closed","base_url":"http://127.0.0.1:1/v1",\#(answers)}"#,
        #"{"name":"plain","base_url":"\#(model.baseURL.replacing("http:", with: "https:"))",\#(answers)}"#,
        #"{"name":"messages","base_url":"\#(model.baseURL)","wire":"anthropic-messages","prices":{"input":1000,"output":1000}}"#,
      ]
      let path = "\(folder)/models.json"
      try write(#"{"models":[\#(models.joined(separator: ","))],"default":["m"]}"#, to: path)
      let own = ["WF_MODELS_FILE": path, "WF_LLM_FALLBACK": "fail", "WF_LLM_COOLDOWN_S": "0"]
      try await Stack.with(.init(settings: own.merging(settings) { $1 })) { try await body($0, model) }
    }
  }

  private func body(model: String = "m", attempts: Int = 1, _ more: JSONObject = [:]) -> JSONValue {
    let step: JSONValue = [
      "id": "s", "op": "llm_chat", "params": ["prompt": "x", "max_tokens": 100, "model": .string(model)],
      // A refusal for too many requests is no attempt that counts.
      "retry": attempts == 1
        ? ["on": ["operation_failed"]] : ["delay_s": 0, "max_attempts": .number(JSONNumber(attempts))],
    ]
    var body: JSONObject = ["run_name": "charges", "steps": [step]]
    for member in more.members { body[member.key] = member.value }
    return .object(body)
  }

  @Test func `However a call ends, it counts as what is known, and as the most where nothing is`() async throws {
    try await withModels { stack, model in
      for row in Self.rows {
        model.behaviour = row.answer ?? .echo
        let usage = try await stack.run(body(model: row.model))["usage"]?.objectValue
        model.release()
        #expect(usage?["calls"] == 1, "\(row.what)")
        #expect(usage?["cost"]?.numberValue?.text == row.counts.cost, "\(row.what): \(usage ?? [:])")
        #expect((usage?["estimated"] == true) == row.counts.isEstimate, "\(row.what): \(usage ?? [:])")
      }
    }
  }

  @Test func `A budget bounds calls whose answers break off`() async throws {
    try await withModels { stack, model in
      model.behaviour = Self.stream(Self.text + [.pause(.milliseconds(20)), .reset])
      let cost = try #require(JSONNumber(text: "0.25"))
      let status = try await stack.run(body(attempts: 5, ["max_cost": .number(cost)]))
      #expect(status["error_code"] == "budget_exceeded")
      #expect(model.calls.count == 2)
      let settings = ["WF_URL": stack.url]
      let day = try await wf("usage", "--json", settings: settings)
      let sum = try JSONValue(parsing: Array(day.output.utf8)).objectValue?["usage"]?.arrayValue?.first?.objectValue
      #expect(sum?["estimated"] == true && sum?["cost"]?.numberValue?.text == "0.2")
      #expect(try await wf("usage", settings: settings).output.contains("at most 0.2"))
      #expect(status.at("usage", "cost")?.numberValue?.text == "0.2" && status.at("usage", "estimated") == true)
    }
  }
}

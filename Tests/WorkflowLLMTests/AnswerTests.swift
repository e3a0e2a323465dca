import ExactJSON
import ModelServer
import Testing
import Workflow
import WorkflowLLM

@Suite(.timeLimit(.minutes(1))) struct AnswerTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  @Test func `An answer is its text, the model that spoke, and the provider's count as it wrote it`() async throws {
    let usage = #"{"total_tokens":9007199254740993,"cost":1.50,"details":{"b":1e400,"a":null}}"#
    server.script([
      .status(
        200, headers: [("Content-Type", "application/json")],
        body: #"{"model":"gpt-test-0613","usage":\#(usage),"choices":[{"message":{"content":"A bay.\n"}}]}"#)
    ])
    let answer = try await server.model().complete(.example)
    #expect(answer.text == "A bay.\n")
    #expect(answer.model == "gpt-test-0613")
    #expect(answer.usage.text == usage)
  }

  @Test func `Where the provider names no model and counts nothing, the model asked for stands in`() async throws {
    server.script([.malformed(#"{"choices":[{"message":{"content":""}},{"message":{"content":"other"}}]}"#)])
    let answer = try await server.model().complete(.example)
    #expect(answer == ChatAnswer(text: "", model: "gpt-test", usage: .null))
  }

  @Test(
    arguments: [
      "", "{", "<html>Bad Gateway</html>", "null", "[]", "{}", #"{"choices":null}"#, #"{"choices":[]}"#,
      #"{"choices":[{}]}"#, #"{"choices":[{"message":{}}]}"#, #"{"choices":[{"message":{"content":null}}]}"#,
      #"{"choices":[{"message":{"content":["A bay."]}}]}"#, #"{"choices":[{"message":{"content":1}}],"a":1}x"#,
    ])
  func `Status 200 without a usable text is an invalid answer and not asked for again`(body: String) async throws {
    server.behaviour = .malformed(body)
    let failure = try await server.retryingModel().failure()
    #expect(failure.code == .invalidAnswer && !failure.isTransient)
    #expect(!failure.message.isEmpty)
    #expect(server.calls.count == 1)
  }
}

import Curl
import ExactJSON
import ModelServer
import Testing
import WorkflowLLM

@Suite(.timeLimit(.minutes(5))) struct RequestTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  /// The call that a question makes.
  private func call(_ request: ChatRequest = .example, key: String? = nil) async throws -> ModelServer.Call {
    _ = try await server.model(key: key).complete(request)
    return try #require(server.calls.last)
  }

  @Test func `A question is posted as a chat completion, every number by its shortest text`() async throws {
    let call = try await call()
    #expect(call.method == "POST")
    #expect(call.path == "/v1/chat/completions")
    #expect(
      String(decoding: call.raw, as: UTF8.self) == #"{"model":"gpt-test","#
        + #""messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"What is a fjord?"}],"#
        + #""max_tokens":100,"temperature":0.2,"stream":false}"#)
    #expect(server.calls.count == 1)
  }

  @Test func `The headers say what is sent, what is wanted, and which step asks`() async throws {
    let headers = try await call().headers
    #expect(headers["content-type"] == "application/json")
    #expect(headers["accept"] == "application/json")
    #expect(headers["idempotency-key"] == "job/llm")
  }

  @Test func `The key goes along as a bearer token, and no header without a key`() async throws {
    #expect(try await call(key: "sk-1").headers["authorization"] == "Bearer sk-1")
    #expect(try await call(key: nil).headers["authorization"] == nil)
  }

  @Test func `The key goes along in the header that the setting names`() async throws {
    _ = try await server.model(key: "k") { $0.keyHeader = .apiKey }.complete(.example)
    #expect(server.calls.last?.headers["api-key"] == "k")
    #expect(server.calls.last?.headers["authorization"] == nil)
  }

  @Test func `A question may name its own model and temperature`() async throws {
    var request = ChatRequest.example
    request.model = "gpt-other"
    request.temperature = 1
    let body = try await call(request).body?.objectValue
    #expect(body?["model"] == "gpt-other")
    #expect(body?["temperature"]?.numberValue?.text == "1.0")
  }

  @Test func `A text arrives scalar by scalar`() async throws {
    var request = ChatRequest.example
    let text = "\"\\\n\u{0}\u{1f} e\u{301} \u{e9} 👩‍👩‍👧 \u{2028}"
    request.messages = [.init(.assistant, "Yes?"), .init(.user, text)]
    let messages = try await call(request).body?.objectValue?["messages"]
    #expect(
      messages == [["role": "assistant", "content": "Yes?"], ["role": "user", "content": .string(text)]] as JSONValue)
  }
}

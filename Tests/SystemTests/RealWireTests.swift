import Curl
import ExactJSON
import Synchronization
import Testing
import Workflow
import WorkflowLLM

/// The three wires at servers that others have made, streamed and in one piece.
@Suite(
  .enabled(if: RealModels.servers.isInstalled, "make test installs the servers into .build/models-venv"),
  .timeLimit(.minutes(5)))
struct RealWireTests {
  private let client = HTTPClient()

  private func model(
    _ wire: ModelDefinition.Wire, _ url: String, _ adjust: (inout ModelDefinition) -> Void = { _ in }
  ) -> WireModel {
    var definition = ModelDefinition(name: "real", wire: wire, baseURL: url, model: "tiny")
    adjust(&definition)
    return WireModel(client: client, definition: definition)
  }

  private func question(_ tokens: Int = 40) -> ChatRequest {
    ChatRequest(
      messages: [.init(.system, "Be brief."), .init(.user, "What is a fjord?")], maxTokens: tokens,
      idempotencyKey: "test/llm")
  }

  /// What a call comes to, and what was shown of it.
  private func call(
    _ model: WireModel, streams: Bool, tokens: Int = 40
  ) async -> (outcome: Result<ChatAnswer, ModelError>, shown: String) {
    let shown = Mutex("")
    do {
      let request = question(tokens)
      guard streams else { return (.success(try await model.complete(request)), "") }
      let answer = try await model.complete(request) { piece in shown.withLock { $0 += piece } }
      return (.success(answer), shown.withLock { $0 })
    } catch {
      return (.failure(error), shown.withLock { $0 })
    }
  }

  @Test func `llama.cpp and llmock are understood on all wires, streamed and not`() async throws {
    try await RealModels.servers.run { urls in
      let (plain, thinking) = (try #require(urls["plain"]), try #require(urls["thinking"]))
      let mock = try #require(urls["llmock"])
      for wire in ModelDefinition.Wire.allCases {
        for streams in [true, false] {
          try await self.plain(wire, plain, streams: streams)
          try await self.thinking(wire, thinking, streams: streams)
          // llmock has Anthropic's messages below another path.
          let base = wire == .messages ? mock.replacing("/v1", with: "/anthropic/v1") : mock
          let (outcome, shown) = await call(model(wire, base), streams: streams)
          let answer = try outcome.get()
          #expect(answer.finishReason != nil && answer.tokens.input != nil && answer.tokens.output != nil)
          #expect(!streams || shown == answer.text)
        }
        try await faults(of: wire, mock)
      }
    }
  }

  /// A model that says anything up to its limit. llama.cpp says "completed" of it with responses, and leaves
  /// message_start out when the first token is a part of a character.
  private func plain(_ wire: ModelDefinition.Wire, _ url: String, streams: Bool) async throws {
    for _ in 1...5 {
      let (outcome, shown) = await call(model(wire, url), streams: streams)
      let answer = try outcome.get()
      #expect(answer.finishReason == "length", "\(wire) \(streams)")
      #expect(answer.tokens.output == 40, "\(wire) \(streams)")
      #expect(!streams || shown == answer.text, "\(wire)")
    }
  }

  /// A model that spends all its tokens on reasoning.
  private func thinking(_ wire: ModelDefinition.Wire, _ url: String, streams: Bool) async throws {
    let (outcome, shown) = await call(model(wire, url), streams: streams)
    guard case .failure(.failed(let failure)) = outcome else {
      Issue.record("\(wire) \(streams): \(outcome)")
      return
    }
    #expect(failure.code == .invalidAnswer && !failure.isTransient && shown.isEmpty)
    #expect(failure.message.contains("raise max_tokens"), "\(wire) \(streams): \(failure.message)")
    #expect(failure.tokens.output == 40, "\(wire) \(streams)")
  }

  private func faults(of wire: ModelDefinition.Wire, _ url: String) async throws {
    let control = LLMock(url)
    let base = wire == .messages ? url.replacing("/v1", with: "/anthropic/v1") : url
    for kind in ["disconnect", "truncate", "malformed", "stall"] {
      let fault: JSONValue = ["type": "stream_fault", "kind": .string(kind), "after_chunks": 3, "stall_seconds": 60]
      _ = try await control.ask("/scenario", ["behaviors": [fault]])
      let (outcome, _) = await call(model(wire, base) { $0.idleTimeout = .seconds(2) }, streams: true)
      guard case .failure(.failed(let failure)) = outcome else {
        Issue.record("\(wire) \(kind): \(outcome)")
        continue
      }
      #expect(failure.isTransient && failure.code == (kind == "stall" ? .timeout : .providerUnavailable), "\(kind)")
    }
    for status in [429, 503, 401] {
      _ = try await control.ask("/scenario", ["behaviors": [["type": "fail", "status": .number(JSONNumber(status))]]])
      let (outcome, _) = await call(model(wire, base), streams: true)
      guard case .failure(.failed(let failure)) = outcome else {
        Issue.record("\(wire) \(status): \(outcome)")
        continue
      }
      #expect(failure.status == status && failure.isTransient == (status != 401))
    }
  }
}

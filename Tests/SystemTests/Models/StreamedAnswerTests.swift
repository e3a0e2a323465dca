import ExactJSON
import Glibc
import Hiredis
import ModelServer
import SystemHarness
import Testing

/// Those who follow a run see what a model writes, as it is written.
@Suite struct StreamedAnswerTests {
  private static let body: JSONValue = [
    "run_name": "streamed", "inputs": [:],
    "steps": [["id": "llm", "op": "llm_summarize", "params": ["source": "x"], "retry": ["delay_s": 0]]],
  ]

  /// The head of a stream.
  static let head = ModelServer.Piece.bytes(
    Array("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n".utf8))
  /// Its end mark.
  static let whole = event(nil, finishReason: "stop")

  /// An event of a stream of chat completions.
  static func event(_ text: String?, finishReason: String? = nil) -> ModelServer.Piece {
    let delta: JSONObject = text.map { ["content": .string($0)] } ?? [:]
    let choice: JSONObject = [
      "index": 0, "delta": .object(delta), "finish_reason": finishReason.map { .string($0) } ?? .null,
    ]
    let data: JSONValue = ["model": "m", "choices": [.object(choice)]]
    return .bytes(Array("data: \(data.text)\n\n".utf8))
  }

  private func texts(_ events: [EventReader.Event]) -> [String] { events.compactMap(\.text) }

  /// The texts up to the next event of a name.
  private func texts(of events: inout EventReader, until name: String) async throws -> [String] {
    texts(try await events.take { $0.text?.hasPrefix(name + " ") == true })
  }

  @Test func `A watcher gets the pieces, one who comes later what there is, and the outputs are the whole`()
    async throws
  {
    try await Stack.withModel { stack, model in
      model.behaviour = .pieces([
        Self.head, Self.event("<think>hm</think>Es "), .hold, Self.event("war 😀 "), Self.event("einmal"), Self.whole,
        .end,
      ])
      let id = try await stack.submit(Self.body)
      var first = try await EventReader(stack, id)
      #expect(try await texts(of: &first, until: "text") == ["text llm 1 0 Es "])
      var second = try await EventReader(stack, id)
      #expect(try await texts(of: &second, until: "text") == ["text llm 1 0 Es "])
      model.release()
      let seen = try await first.rest()
      // How many pieces come as one depends on when they come; all that comes before the step's end comes in order.
      let pieces = texts(seen)
      #expect("war 😀 einmal".hasPrefix(pieces.map { $0.split(separator: " ", maxSplits: 4)[4] }.joined()))
      #expect(pieces.first.map { $0.hasPrefix("token llm 1 3 ") } ?? true)
      #expect(seen.compactMap(\.message).last == "finished")
      _ = try await second.rest()
      let status = try await stack.end(of: id)
      #expect(status.at("result", "outputs", "llm", "summary") == "Es war 😀 einmal")
      #expect(model.calls.first?.body?.objectValue?["stream"] == true)
      for name in ["texts:\(id)", "text:\(id):llm"] {
        let key = stack.key(name, ofPartition: id)
        _ = try await wait("the end of \(name)") { try await stack.command("EXISTS", key).int == 0 ? true : nil }
      }
    }
  }

  @Test func `A stream that breaks off is no answer, and its text is void`() async throws {
    try await Stack.withModel { stack, model in
      model.script([.pieces([Self.head, Self.event("half of"), .hold, .reset])])
      model.behaviour = .answer(text: "the whole")
      let id = try await stack.submit(Self.body)
      var events = try await EventReader(stack, id)
      #expect(try await texts(of: &events, until: "text") == ["text llm 1 0 half of"])
      model.release()
      let seen = texts(try await events.rest())
      // An answer may come and go before it is published.
      #expect(seen == [] || seen.first == "reset llm 2", "\(seen)")
      let status = try await stack.end(of: id)
      #expect(status.at("result", "outputs", "llm", "summary") == "the whole")
      #expect(status.at("steps", "llm", "attempts") == 2)
    }
  }

  @Test func `After the death of a worker in the middle of a stream the text begins again`() async throws {
    try await Stack.withModel(workers: 2) { stack, model in
      model.script([.pieces([Self.head, Self.event("lost"), .hold])])
      model.behaviour = .pieces([Self.head, Self.event("again"), .hold, Self.whole, .end])
      let id = try await stack.submit(Self.body)
      var events = try await EventReader(stack, id)
      #expect(try await texts(of: &events, until: "text") == ["text llm 1 0 lost"])
      try await stack.signal(SIGKILL, to: stack.holder(of: id))
      let seen = try await texts(of: &events, until: "text")
      #expect(seen == ["reset llm 1", "text llm 1 0 again"])
      model.release()
      #expect(try await stack.end(of: id).at("result", "outputs", "llm", "summary") == "again")
      #expect(model.calls.count == 2)
    }
  }

  @Test func `Without streams an answer is asked for in one piece, and nothing of it is published`() async throws {
    try await Stack.withModel(settings: ["WF_LLM_STREAM": "0"]) { stack, model in
      let id = try await stack.submit(Self.body)
      #expect(try await stack.end(of: id)["status"] == "finished")
      #expect(model.calls.first?.body?.objectValue?["stream"] == false)
    }
  }
}

import ExactJSON
import Synchronization
import Testing
import Workflow
import WorkflowLLM
import WorkflowOperations

/// `llm_summarize` with sources that are longer than a call may have.
@Suite(.timeLimit(.minutes(5))) struct MapReduceTests {
  /// A model that counts its calls, and answers each by a function.
  private final class Counting: ChatModel {
    let provider = "test"
    private let state = Mutex((requests: [ChatRequest](), underWay: 0, most: 0))
    private let answer: @Sendable (ChatRequest) throws(ModelError) -> String

    init(_ answer: @escaping @Sendable (ChatRequest) throws(ModelError) -> String = { _ in "A summary." }) {
      self.answer = answer
    }

    var requests: [ChatRequest] { state.withLock { $0.requests } }
    var mostAtOnce: Int { state.withLock { $0.most } }
    var keys: [String] { requests.map(\.idempotencyKey) }

    func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer {
      state.withLock { state in
        state.requests.append(request)
        state.underWay += 1
        state.most = max(state.most, state.underWay)
      }
      await Task.yield()
      defer { state.withLock { $0.underWay -= 1 } }
      let text = try answer(request)
      return ChatAnswer(text: text, model: "m", usage: ["total_tokens": 1], finishReason: "stop")
    }
  }

  /// Parts as the engine records them.
  private final class Records: Sendable {
    private let state = Mutex<[Int: JSONObject]>([:])
    var known: [Int: JSONObject] { state.withLock { $0 } }
    var parts: StepParts {
      StepParts(known: known) { [self] number, _, outputs in
        state.withLock { $0[number] = outputs }
        return nil
      }
    }
  }

  private static let sentence = "The fjord is deep and the mountains are steep. "
  private static let source = String(repeating: sentence, count: 200)

  private func outputs(
    of model: Counting, _ records: Records = Records(), _ params: JSONObject = ["chunk_tokens": 300, "max_tokens": 60]
  ) async throws -> JSONObject {
    let operation = LLMSummarize(models: ChatModels(model, name: "m"))
    var params = params
    if params["source"] == nil { params["source"] = .string(Self.source) }
    params = operation.parameters.fillingDefaults(params)
    var invocation = Invocation(job: "job", step: "step", params: params, inputs: [:])
    invocation.parts = records.parts
    guard case .outputs(let outputs, _) = try await operation.run(invocation) else { return [:] }
    return outputs
  }

  @Test func `A long source is summarised in parts, few at a time, and then as one`() async throws {
    let model = Counting()
    let outputs = try await outputs(of: model)
    // 9,400 bytes are 3,134 tokens by the estimate, of which a call may have 300.
    let parts = model.requests.dropLast()
    #expect(parts.count >= 11 && parts.count <= 13)
    #expect(parts.map(\.messages[1].content).sorted().joined().utf8.count == Self.source.utf8.count)
    #expect(parts.allSatisfy { $0.messages[1].content.utf8.count <= 900 && $0.maxTokens == 60 })
    #expect(parts.contains { $0.messages[0].content.hasSuffix("part 1 of \(parts.count) of a longer text.") })
    #expect(model.mostAtOnce <= 4)
    let last = try #require(model.requests.last)
    #expect(last.messages[1].content == Array(repeating: "A summary.", count: parts.count).joined(separator: "\n\n"))
    #expect(last.messages[0].content.hasPrefix("Summarise the user's text in 2 sentences.\n\nThe user's text consists"))
    #expect(last.idempotencyKey == "job/step")
    #expect(Set(model.keys).count == parts.count + 1)
    #expect(parts.allSatisfy { $0.idempotencyKey.hasPrefix("job/step~part-") })
    #expect(outputs["summary"] == "A summary." && outputs["parts"]?.numberValue?.int == parts.count)
    #expect(outputs["usage"] == ["total_tokens": .number(JSONNumber(parts.count + 1))])
  }

  @Test func `A source that fits is summarised in one call`() async throws {
    let model = Counting()
    let outputs = try await outputs(of: model, Records(), ["chunk_tokens": 5_000])
    #expect(model.keys == ["job/step"] && outputs["parts"] == nil)
    #expect(model.requests[0].messages[0].content == "Summarise the user's text in 2 sentences.")
  }

  @Test func `Parts that are recorded are not asked for again`() async throws {
    let records = Records()
    let first = Counting { (request) throws(ModelError) in
      guard request.messages[0].content.contains("part 7 of") else { return "A summary." }
      throw .failed(ModelFailure(.providerUnavailable, "down", isTransient: true))
    }
    await #expect(throws: StepError.failed(StepFailure(.providerUnavailable, "down"))) {
      try await outputs(of: first, records)
    }
    let known = records.known.count
    // What was under way ends and is recorded.
    #expect(known >= 6)
    #expect(first.requests.count == known + 1)
    let second = Counting()
    let result = try await outputs(of: second, records)
    let parts = try #require(result["parts"]?.numberValue?.int)
    #expect(second.requests.count == parts - known + 1)
    let again = Set(first.keys).intersection(second.keys)
    #expect(again.count == 1 && again.first?.hasPrefix("job/step~part-6-") == true)
    #expect(result["usage"] == ["total_tokens": .number(JSONNumber(parts + 1))])
  }

  @Test func `What is recorded of another text or instruction is not taken for this one`() async throws {
    let records = Records()
    _ = try await outputs(of: Counting(), records)
    let same = Counting()
    _ = try await outputs(of: same, records)
    #expect(same.requests.count == 1)
    for (params, isAll) in [
      (["chunk_tokens": 400, "max_tokens": 60], true), (["chunk_tokens": 300, "max_tokens": 60, "sentences": 1], true),
      // Only the first part is another one.
      (["chunk_tokens": 300, "max_tokens": 60, "source": .string("x" + Self.source)], false),
    ] as [(JSONObject, Bool)] {
      let other = Counting()
      let result = try await outputs(of: other, records, params)
      let parts = try #require(result["parts"]?.numberValue?.int)
      #expect(other.requests.count == (isAll ? parts + 1 : 2))
      _ = try await outputs(of: Counting(), records)
    }
  }

  @Test func `Summaries that are together too long are summarised in another round`() async throws {
    let model = Counting { _ in String(repeating: "A summary of forty bytes, no less at all. ", count: 6) }
    let outputs = try await outputs(of: model, Records(), ["chunk_tokens": 300, "max_tokens": 120])
    let parts = try #require(outputs["parts"]?.numberValue?.int)
    #expect(parts > 14 && model.requests.count == parts + 1)
    #expect(Set(model.keys).count == parts + 1)
  }

  @Test func `Summaries that do not become shorter are given up`() async throws {
    let model = Counting { $0.messages[1].content }
    var failure: StepFailure?
    do { _ = try await outputs(of: model) } catch .failed(let found) as StepError { failure = found }
    #expect(failure?.code == .operationFailed && failure?.details.isTransient == nil)
    #expect(failure?.message.hasSuffix("are together no shorter; lower max_tokens, or raise chunk_tokens") == true)
    #expect(model.requests.count < 30)
  }

  @Test func `A part must have room for two summaries`() async throws {
    let model = Counting()
    var failure: StepFailure?
    do {
      _ = try await outputs(of: model, Records(), ["chunk_tokens": 300, "max_tokens": 200])
    } catch .failed(let found) as StepError { failure = found }
    #expect(failure?.code == .providerRejected)
    #expect(failure?.message.contains("a part may have 300 tokens, less than two summaries of 200") == true)
    #expect(model.requests.isEmpty)
  }

  @Test func `A part that cannot be recorded fails the step`() async throws {
    let operation = LLMSummarize(models: ChatModels(Counting(), name: "m"))
    var invocation = Invocation(
      job: "job", step: "step",
      params: ["source": .string(Self.source), "chunk_tokens": 300, "max_tokens": 60], inputs: [:])
    let full = StepError.failed(StepFailure(.outputTooLarge, "full"))
    invocation.parts = StepParts { _, _, _ in full }
    await #expect(throws: full) { try await operation.run(invocation) }
  }

  @Test func `Sentences and language make the instruction, and exclude one's own`() async throws {
    for (params, instruction) in [
      (["sentences": 1], "Summarise the user's text in 1 sentence."),
      (
        ["sentences": 7, "language": "Norsk"],
        "Summarise the user's text in 7 sentences. Write in this language: Norsk."
      ),
      (["language": "Norsk"], "Summarise the user's text in 2 sentences. Write in this language: Norsk."),
      (["prompt": "Rhyme."], "Rhyme."),
    ] as [(JSONObject, String)] {
      let model = Counting()
      var params = params
      params["source"] = "x"
      _ = try await outputs(of: model, Records(), params)
      #expect(model.requests[0].messages[0].content == instruction)
    }
    let operation = LLMSummarize(model: nil)
    #expect(operation.faults(["prompt": "x", "sentences": 2]) == ["sentences: value_error"])
    #expect(operation.faults(["prompt": "x", "language": "no"]) == ["language: value_error"])
    #expect(operation.faults(["sentences": 0]) == ["sentences: value_error"])
    #expect(operation.faults(["sentences": 101]) == ["sentences: value_error"])
    #expect(operation.faults(["chunk_tokens": 249]) == ["chunk_tokens: value_error"])
    #expect(operation.faults(["chunk_tokens": 300, "max_tokens": 300]) == ["max_tokens: value_error"])
    #expect(operation.faults(["sentences": 100, "language": "en", "chunk_tokens": 250]) == [])
  }
}

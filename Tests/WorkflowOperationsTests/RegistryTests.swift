import ExactJSON
import Testing
import Workflow
import WorkflowOperations

@Suite struct RegistryTests {
  /// An operation as an engineer adds one.
  private struct Shout: WorkflowOperations.Operation {
    var name = "shout"
    let parameters = ParameterSchema([.init("text", .string(), default: "@inputs.text")])

    func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
      .outputs(["text": .string(try invocation.string("text").uppercased())])
    }
  }

  private let builtIn = OperationRegistry.builtIn(summarizer: LLMSummarize(model: nil))

  @Test func `The built-in operations are found by their names, and no other`() {
    let registry = OperationRegistry(builtIn)
    #expect(registry["preprocess"] is Preprocess)
    #expect(registry["llm_summarize"] is LLMSummarize)
    #expect(registry["store_result"] is StoreResult)
    #expect(registry["split_text"] is SplitText)
    #expect(registry["combine"] is Combine)
    #expect(registry["http_request"] is SendHTTPRequest)
    #expect(registry["llm_chat"] is LLMChat)
    let withoutModel = OperationRegistry(OperationRegistry.builtIn(summarizer: LLMSummarize(model: nil), chat: nil))
    #expect(withoutModel["llm_chat"] == nil)
    #expect(registry["shout"] == nil)
    #expect(registry["Preprocess"] == nil)
  }

  @Test func `An operation of one's own runs beside them, and is not taken to be immediate`() async throws {
    let registry = OperationRegistry(builtIn + [Shout()])
    let shout = try #require(registry["shout"])
    #expect(try await shout.outputs(["text": "fjord"]) == ["text": "FJORD"])
    #expect(!shout.isImmediate)
    #expect(registry["preprocess"] is Preprocess)
  }

  @Test func `The later of two operations of one name counts`() {
    let registry = OperationRegistry(builtIn + [Shout(name: "preprocess")])
    #expect(registry["preprocess"] is Shout)
    #expect(registry.schemas["preprocess"] == Shout().parameters)
    #expect(OperationRegistry([Shout(name: "preprocess")] + builtIn)["preprocess"] is Preprocess)
  }

  @Test func `There is a schema for every operation`() {
    let schemas = OperationRegistry(builtIn + [Shout()]).schemas
    #expect(
      schemas.keys.sorted() == [
        "combine", "http_request", "llm_chat", "llm_summarize", "preprocess", "shout", "split_text", "store_result",
      ])
    #expect(schemas["llm_summarize"]?.parameters.map(\.name).first == "source")
  }

  @Test func `An invocation's key names its job and step, whatever its params`() {
    let first = Invocation(job: "b7f935c2", step: "llm", params: [:], inputs: [:])
    let second = Invocation(job: "b7f935c2", step: "llm", params: ["source": "a"], inputs: ["text": "a"])
    #expect(first.idempotencyKey == "b7f935c2/llm")
    #expect(second.idempotencyKey == first.idempotencyKey)
    #expect(Invocation(job: "b7f935c2", step: "other", params: [:], inputs: [:]).idempotencyKey != first.idempotencyKey)
  }
}

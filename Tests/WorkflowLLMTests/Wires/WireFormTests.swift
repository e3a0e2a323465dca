import ExactJSON
import ModelServer
import Testing
import Workflow
import WorkflowLLM

/// Models that refuse what a stream or an optional field needs, and how they are called then.
@Suite(.timeLimit(.minutes(5))) struct WireFormTests {
  private let server: ModelServer

  init() throws { server = try ModelServer() }

  private var bodies: [JSONObject] { server.calls.compactMap { $0.body?.objectValue } }

  private static func refusal(_ words: String, _ parameter: String) -> ModelServer.Behaviour {
    let body: JSONValue = ["error": ["message": .string(words), "param": .string(parameter)]]
    return .status(400, body: body.text)
  }

  @Test(arguments: ModelDefinition.Wire.allCases)
  func `A model that has no streams is asked for a whole answer, and from then on at once`(
    wire: ModelDefinition.Wire
  ) async throws {
    // OpenAI, of organizations that are not verified.
    server.script([Self.refusal("Your organization must be verified to stream this model: unsupported_value", "stream")]
    )
    let model = server.model(wire)
    for _ in 1...2 {
      let (outcome, shown) = await model.streamed()
      #expect(outcome.answer?.text == "Model: What is a fjord?" && shown.all == ["Model: What is a fjord?"])
    }
    #expect(bodies.map { $0["stream"] } == [true, false, false])
    #expect(bodies.map { $0["stream_options"] != nil } == [wire == .chatCompletions, false, false])
  }

  @Test func `A server that does not know stream_options is called without it`() async throws {
    server.script([.status(422, body: #"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"]}]}"#)])
    let (outcome, _) = await server.model().streamed()
    #expect(outcome.answer?.text == "Model: What is a fjord?")
    #expect(bodies.map { $0["stream_options"] != nil } == [true, false] && bodies.last?["stream"] == true)
  }

  @Test func `A seed and a form that are refused are left out`() async throws {
    // LiteLLM before Anthropic; llama-cpp-python 0.3.36, which has text and json_object only; Anthropic's older models.
    let cases: [(ModelDefinition.Wire, ModelServer.Behaviour, String)] = [
      (
        .chatCompletions, Self.refusal("litellm.UnsupportedParamsError: anthropic does not support seed=7", "seed"),
        "seed"
      ),
      (
        .chatCompletions,
        .status(
          500,
          body: #"{"error":{"message":"('body', 'response_format', 'type'): Input should be 'text' or 'json_object'"}}"#
        ),
        "response_format"
      ),
      (.responses, Self.refusal("text.format: 'json_schema' is not supported with this model", "text"), "text"),
      (.messages, Self.refusal("output_config: Extra inputs are not permitted", ""), "output_config"),
    ]
    for (wire, refusal, name) in cases {
      var request = ChatRequest.example
      request.seed = 7
      request.responseSchema = .init(name: "place", schema: ["type": "object"])
      server.script([refusal])
      _ = try await server.model(wire).complete(request)
      #expect(bodies.suffix(2).map { $0[name] != nil } == [true, false], "\(name)")
    }
  }

  @Test func `Texts to stop at are never left out: what was asked would not be what comes`() async throws {
    var request = ChatRequest.example
    request.stop = ["END"]
    server.behaviour = Self.refusal("Unsupported parameter: 'stop' is not supported with this model.", "stop")
    #expect(try await server.model().failure(of: request).code == .providerRejected)
    #expect(bodies.count == 1)
  }

  @Test func `A refusal after a part of the text was shown is no reason for another call`() async throws {
    let delta = #"{"choices":[{"delta":{"content":"A b"}}]}"#
    server.behaviour = .stream([delta, #"{"error":{"message":"temperature is not supported","code":400}}"#])
    let (outcome, shown) = await server.model().streamed()
    #expect(outcome.failure?.code == .providerRejected && shown.text == "A b")
    #expect(bodies.count == 1)
    server.script([.stream([#"{"error":{"message":"temperature is not supported","code":400}}"#]), .echo])
    #expect(await server.model().streamed().outcome.answer?.text == "Model: What is a fjord?")
  }

  @Test func `Messages: max_tokens is refused by no model, so it is not given up`() async throws {
    server.behaviour = Self.refusal("max_tokens is not supported", "max_tokens")
    #expect(try await server.model(.messages).failure().code == .providerRejected)
    #expect(bodies.count == 1)
  }
}

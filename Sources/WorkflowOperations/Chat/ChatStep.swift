import ExactJSON
import Workflow
import WorkflowLLM

/// What a step of `llm_chat` asks, by its parameters.
struct ChatStep {
  /// Reads answers; nil where any text is one.
  let form: JSONAnswer?
  private let params: JSONObject
  private let messages: [ChatRequest.Message]

  /// The name of a form that is sent to providers.
  private static let formName = "answer"

  /// Reads the parameters.
  /// - Throws: `operation_failed`, where references have brought what cannot be sent.
  init(_ invocation: Invocation) throws(StepError) {
    params = invocation.params
    var messages: [ChatRequest.Message] = []
    if let system = params["system"]?.stringValue { messages.append(.init(.system, system)) }
    if let conversation = params["messages"] {
      guard let read = ChatMessages.read(conversation) else {
        throw .failed(
          StepFailure(.operationFailed, "messages: each has a role and a content, and the last one is the user's"))
      }
      messages += read
    } else {
      messages.append(.init(.user, try invocation.string("prompt")))
    }
    self.messages = messages
    do throws(JSONSchema.Fault) {
      form = try params["response_schema"].map { (json) throws(JSONSchema.Fault) in
        JSONAnswer(schema: try JSONSchema(json))
      }
    } catch {
      throw .failed(StepFailure(.operationFailed, "response_schema: \(error.sentence)"))
    }
  }

  /// All that the step asks, as JSON text.
  var text: String { JSONValue.object(params).text }

  /// The request to a model.
  func request(to model: ChatModels.Named, key: String) -> ChatRequest {
    let limit = params["max_tokens"]?.numberValue?.int ?? .max
    var request = ChatRequest(
      model: model.requestedModel, messages: messages, maxTokens: min(limit, model.maxTokens ?? limit),
      temperature: params["temperature"]?.numberValue?.double, idempotencyKey: key)
    let stop = params["stop"]
    request.stop = stop?.arrayValue?.compactMap(\.stringValue) ?? [stop?.stringValue].compactMap(\.self)
    request.seed = params["seed"]?.numberValue?.int
    request.responseSchema = params["response_schema"].map { .init(name: Self.formName, schema: $0) }
    return request
  }

  /// The request that asks for another answer: the conversation, the answer, and what is wrong with it. The form is
  /// said in words as well, because servers may ignore the parameter.
  func request(
    to model: ChatModels.Named, key: String, repairing answer: String, _ why: String
  ) -> ChatRequest {
    var request = request(to: model, key: key)
    let schema = params["response_schema"]?.text ?? ""
    request.messages.append(.init(.assistant, answer))
    request.messages.append(
      .init(
        .user,
        """
        Your answer cannot be used: \(why)
        Answer again, with nothing but JSON that fits this JSON Schema:
        \(schema)
        """))
    return request
  }
}

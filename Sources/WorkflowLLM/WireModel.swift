public import Curl
import ExactJSON
import Workflow

/// A model that is called over one of the wires: OpenAI's chat completions or responses, or Anthropic's messages.
///
/// It does not retry: a call is only repeated in another form if the model refuses a parameter.
public final class WireModel: ChatModel {
  let client: HTTPClient
  let definition: ModelDefinition
  let format: any WireFormat
  let url: Result<WireURL, WireURL.Invalid>
  let forms: RequestForms
  let log: ModelLog?

  /// The provider's name, as shown in a step's outputs.
  public var provider: String { format.provider }

  /// Creates a model that is called with a client. A base URL that cannot be used makes each call fail.
  /// - Parameter log: logs parameters that the model refuses.
  public init(client: HTTPClient, definition: ModelDefinition, log: ModelLog? = nil) {
    self.client = client
    self.definition = definition
    self.log = log
    format = definition.wire.format
    url = Result { () throws(WireURL.Invalid) in try WireURL(base: definition.baseURL, wire: definition.wire) }
    forms = RequestForms(first: RequestForm(definition))
  }

  /// Calls the model once, and again in another form for each parameter that it refuses.
  public func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer {
    try await WireCall(self, request, onText: nil).answer()
  }

  /// Calls the model once as a stream, and again in another form for each parameter that it refuses before any text. A
  /// model that has no streams passes on its text at once.
  public func complete(
    _ request: ChatRequest, onText: @escaping @Sendable (String) -> Void
  ) async throws(ModelError) -> ChatAnswer {
    try await WireCall(self, request, onText: onText).answer()
  }
}

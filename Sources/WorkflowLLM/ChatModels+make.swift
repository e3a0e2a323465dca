public import Curl
import Workflow

extension ChatModels {
  /// The model that a definition describes.
  /// - Parameters:
  ///   - definition: one in which ``fault(of:)`` finds nothing.
  ///   - client: sends its calls.
  ///   - log: logs parameters that the model refuses.
  public static func make(_ definition: ModelDefinition, _ client: HTTPClient, _ log: ModelLog?) -> any ChatModel {
    guard definition.wire == .chatCompletions, let url = try? CompletionsURL(base: definition.baseURL) else {
      preconditionFailure("a definition is checked before a model is made of it")
    }
    var configuration = OpenAIChatModel.Configuration(
      url: url, model: definition.model, apiKey: definition.apiKey, timeout: definition.timeout)
    configuration.keyScheme = definition.keyHeader == .apiKey ? .apiKey : .bearer
    let refuses = definition.refusedParameters.contains
    configuration.temperature = definition.temperature
    configuration.tokensParameter = TokensParameter.allCases.filter { !refuses($0.rawValue) }.single
    let model = OpenAIChatModel(client: client, configuration: configuration, log: log)
    return refuses("temperature") ? WithoutTemperature(model: model) : model
  }

  /// Why no model can be made of a definition, with the member of the file that is to blame; nil when one can.
  public static func fault(of definition: ModelDefinition) -> (member: String, sentence: String)? {
    guard definition.wire == .chatCompletions else {
      return ("wire", "this version of wf calls models by openai-chat only")
    }
    if definition.keyHeader == .xAPIKey { return ("auth", "x-api-key is for models of anthropic-messages") }
    do {
      _ = try CompletionsURL(base: definition.baseURL)
      return nil
    } catch {
      return ("base_url", "\(error)")
    }
  }

  /// A model that is never sent a temperature, whatever a step says.
  private struct WithoutTemperature: ChatModel {
    let model: OpenAIChatModel
    var provider: String { model.provider }

    func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer {
      var request = request
      request.temperature = nil
      return try await model.complete(request)
    }
  }
}

extension Array {
  /// The only element; nil when there are none or several.
  fileprivate var single: Element? { count == 1 ? self[0] : nil }
}

import WorkflowLLM

extension OpenAIChatModel.Configuration {
  /// A configuration by the base URL.
  init(
    baseURL: String, model: String, apiKey: String? = nil, timeout: Duration = .seconds(60)
  ) throws(CompletionsURL.Invalid) {
    self.init(url: try CompletionsURL(base: baseURL), model: model, apiKey: apiKey, timeout: timeout)
  }
}

public import Curl
public import Logging

/// The models that a process calls, by the names that steps give them.
public struct ChatModels: Sendable {
  /// A model under the name that a step gives it.
  public struct Named: Sendable {
    /// The name.
    public let name: String
    /// The model.
    public let model: any ChatModel
    /// The provider's name for it, where it is another than the model's own.
    public var requestedModel: String?
    /// The most tokens that a call may ask for; nil where no more is known than what a step may.
    public var maxTokens: Int?
    /// How long a call may take.
    public var timeout = Duration.seconds(60)
    /// What all workers together may ask of it.
    public var limits = ModelDefinition.Limits()
    /// What its tokens cost; nil where no price is known.
    public var prices: ModelDefinition.Prices?
    /// What distinguishes it from another model under the same name: its URL and the provider's name for it.
    public var identity = ""
    /// The tokens of a prompt and its answer together; nil where it is not known.
    public var contextTokens: Int?
    /// Logs its failures.
    public var log: ModelLog?
  }

  /// The models that a step calls which names none, in this order; never empty.
  public let defaultChain: [Named]
  /// When a step continues with the next one.
  public let succession: ModelCatalog.Succession
  private let named: [String: Named]
  /// Whether any other name is one of the provider of the first model.
  private let takesAnyName: Bool

  /// The model of a provider that is asked for other models by their names, too.
  /// - Parameters:
  ///   - name: its own name.
  ///   - timeout: how long a call may take.
  public init(
    _ model: any ChatModel, name: String = "", timeout: Duration = .seconds(60), log: ModelLog? = nil
  ) {
    let only = Named(name: name, model: model, timeout: timeout, log: log)
    defaultChain = [only]
    named = [name: only]
    takesAnyName = true
    succession = ModelCatalog.Succession()
  }

  /// The models of a catalogue.
  /// - Parameter logger: logs their failures, each with the name of the model.
  public init(_ catalog: ModelCatalog, client: HTTPClient, logger: Logger) {
    let models = catalog.models.map { definition in
      var logger = logger
      logger[metadataKey: "model"] = "\(definition.name)"
      let log = ModelLog(logger)
      return Named(
        name: definition.name, model: Self.make(definition, client, log), maxTokens: definition.maxTokens,
        timeout: definition.timeout, limits: definition.limits, prices: definition.prices,
        identity: "\(definition.baseURL) \(definition.model)", contextTokens: definition.contextTokens, log: log)
    }
    let named = Dictionary(models.map { ($0.name, $0) }) { first, _ in first }
    self.named = named
    defaultChain = catalog.defaultChain.compactMap { named[$0] }
    precondition(!defaultChain.isEmpty, "a catalogue has a chain of models that it has")
    succession = catalog.succession
    takesAnyName = false
  }

  /// The model of a name; nil when there is none.
  public subscript(name: String) -> Named? {
    if let known = named[name] { return known }
    guard takesAnyName, var model = defaultChain.first else { return nil }
    model = Named(
      name: name, model: model.model, requestedModel: name, timeout: model.timeout, log: model.log)
    return model
  }
}

/// The models that the operator has set up, and which of them a step calls.
public struct ModelCatalog: Sendable {
  /// When a step continues with the next model of its chain.
  public struct Succession: Sendable, Equatable {
    /// Failed attempts of a model that has another one behind it; a step's `retry` may say another number. Those that
    /// were refused for too many requests do not count.
    public var attempts = 3
    /// How long such a model may refuse for too many requests, the wait included that it asks for.
    public var longestRefusal = Duration.seconds(30)

    /// The defaults.
    public init() {}
  }

  /// The models, in the order in which they were set up; no two have the same name.
  public var models: [ModelDefinition]
  /// The names of the models that a step calls which names none, in this order.
  public var defaultChain: [String]
  /// When a step continues with the next one.
  public var succession = Succession()

  /// The most models of a chain.
  public static let longestChain = 8

  /// Creates a catalogue.
  public init(models: [ModelDefinition], defaultChain: [String]) {
    self.models = models
    self.defaultChain = defaultChain
  }

  /// A catalogue of one model.
  public init(_ model: ModelDefinition) { self.init(models: [model], defaultChain: [model.name]) }

  /// The model of a name; nil when there is none.
  public subscript(name: String) -> ModelDefinition? { models.first { $0.name == name } }
}

public import Workflow

/// The settings of a worker.
public struct WorkerConfiguration: Sendable, Equatable {
  /// How many runs work at once.
  public var runs = 64
  /// How long a worker keeps its runs without a heartbeat.
  public var lease = Duration.seconds(15)
  /// How long active runs may continue after the worker was told to stop.
  public var drain = Duration.seconds(30)
  /// The most bytes of a step's outputs, as JSON text.
  public var maxOutputBytes = 2 << 20
  /// The most bytes of a run's documents, progress log and result together.
  public var maxRunBytes = 32 << 20
  /// Items of a step with `foreach`.
  public var maxItems = 10_000
  /// The most bytes of a body in the inbox.
  public var maxBodyBytes = 1 << 20
  /// Bytes up to which a progress entry repeats outputs; the entry of larger outputs gives their size only.
  public var maxProgressEntryBytes = 64 << 10
  /// What an owner's runs may spend in a day (UTC) on calls of models, unless its key says another amount; nil for any.
  public var maxCostDay: Cost?
  /// When models that keep failing are left alone.
  public var cooldown = CooldownPolicy()
  /// The version of wf, for those who look at the worker.
  public var version = "unversioned"

  /// The defaults of the settings.
  public init() {}
}

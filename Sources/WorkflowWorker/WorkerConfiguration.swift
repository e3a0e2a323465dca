/// How a worker works.
public struct WorkerConfiguration: Sendable, Equatable {
  /// Runs in hand at once.
  public var runs = 64
  /// How long a silent worker keeps its runs.
  public var lease = Duration.seconds(15)
  /// How long runs in hand may go on after the worker was told to stop.
  public var drain = Duration.seconds(30)
  /// Bytes of a step's outputs, as JSON text.
  public var maxOutputBytes = 2 << 20
  /// Bytes of a run's documents, progress log and result together.
  public var maxRunBytes = 32 << 20
  /// Bytes of outputs that a progress entry repeats; of larger ones it says how many bytes they take.
  public var maxProgressEntryBytes = 64 << 10

  /// The defaults of the settings.
  public init() {}
}

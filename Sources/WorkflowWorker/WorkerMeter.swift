import ExactJSON
import Metrics
import Workflow

/// What a worker counts of its runs, their steps and their calls of models.
final class WorkerMeter: Sendable {
  /// How a step has ended.
  enum StepOutcome: String, Sendable, CaseIterable {
    case done, failed, skipped
  }

  /// How an attempt has ended.
  enum AttemptOutcome: Sendable, Equatable {
    case succeeded, cancelled
    case failed(ErrorCode)
  }

  /// What is counted of an operation at each step, looked up once. A class, because each step gets it.
  private final class Operation: Sendable {
    let name: String
    let done: Meter.Series
    let succeeded: Meter.Series
    let times: Meter.Series

    init(_ name: String, _ meter: Meter) {
      self.name = name
      done = meter.series(.steps, [StepOutcome.done.rawValue, name])
      succeeded = meter.series(.attempts, ["ok", name])
      times = meter.series(.attemptSeconds, [name])
    }
  }

  private let meter: Meter
  /// Those that the worker has, by the length of their names in bytes: each step looks for one.
  private let operations: [[Operation]]
  /// What is counted of a step whose operation the worker does not have.
  private let others: Operation
  private let waits: Meter.Series
  private let runs: Meter.Series
  private let losses: Meter.Series

  /// - Parameter operations: the names of the worker's operations.
  init(_ meter: Meter, operations: some Collection<String> = []) {
    self.meter = meter
    let longest = operations.map(\.utf8.count).max() ?? 0
    self.operations = (0...longest).map { length in
      operations.filter { $0.utf8.count == length }.map { Operation($0, meter) }
    }
    others = Operation(Meter.other, meter)
    waits = meter.series(.runWaitSeconds)
    runs = meter.series(.runSeconds)
    losses = meter.series(.leasesLost)
  }

  /// A run was claimed for the first time.
  func began(after wait: Duration) { meter.observe(waits, wait) }

  /// A run has finished or failed.
  func ended(after time: Duration) { meter.observe(runs, time) }

  /// A run that has not ended is not this worker's any more.
  func lost() { meter.add(losses) }

  /// A step has ended.
  func ended(_ op: String, _ outcome: StepOutcome) {
    let operation = operation(op)
    meter.add(outcome == .done ? operation.done : meter.series(.steps, [outcome.rawValue, operation.name]))
  }

  /// An attempt of a step or an item has ended.
  func attempted(_ op: String, _ outcome: AttemptOutcome, took time: Duration) {
    let operation = operation(op)
    let count =
      switch outcome {
      case .succeeded: operation.succeeded
      case .cancelled: meter.series(.attempts, ["cancelled", operation.name])
      case .failed(let code): meter.series(.attempts, [code.rawValue, operation.name])
      }
    meter.observe(operation.times, time, counting: count)
  }

  private func operation(_ name: String) -> Operation {
    let length = name.utf8.count
    guard length < operations.count else { return others }
    return operations[length].first { $0.name.hasSameScalars(as: name) } ?? others
  }

  /// A call of a model has ended.
  /// - Parameter model: the name of a model that the settings have, or `other`.
  func called(_ model: String, _ end: ModelCallEnd) {
    meter.add(meter.series(.modelCalls, [end.outcome.rawValue, model]))
    meter.observe(meter.series(.modelSeconds, [model]), end.took)
    if let time = end.firstText { meter.observe(meter.series(.firstTokenSeconds, [model]), time) }
    if let cost = end.usage.cost { meter.add(meter.series(.modelCost, [model]), cost.billionths) }
    let counts = [
      ("input", end.usage.input), ("cached", end.usage.cachedInput), ("output", end.usage.output),
      ("reasoning", end.usage.reasoning),
    ]
    for (kind, count) in counts where count > 0 { meter.add(meter.series(.modelTokens, [kind, model]), count) }
  }
}

import Metrics
import Synchronization
import Workflow

/// What a worker counts of its runs, their steps and their calls of models.
final class WorkerMeter: Sendable {
  /// How a step has ended.
  enum StepOutcome: String, Sendable, CaseIterable {
    case done, failed, skipped
  }

  /// What a series of operations or models is found by.
  private enum Place: Hashable {
    case step(StepOutcome, op: String)
    case attempt(AttemptOutcome, op: String)
    case attemptSeconds(op: String)
    case call(ModelCallEnd.Outcome, model: String)
    case callSeconds(model: String)
    case firstText(model: String)
    case cost(model: String)
    case tokens(TokenKind, model: String)
  }

  /// How an attempt has ended.
  enum AttemptOutcome: Hashable, Sendable {
    case succeeded, cancelled
    case failed(ErrorCode)

    fileprivate var text: String {
      switch self {
      case .succeeded: "ok"
      case .cancelled: "cancelled"
      case .failed(let code): code.rawValue
      }
    }
  }

  private enum TokenKind: String {
    case input, cached, output, reasoning
  }

  private let meter: Meter
  private let waits: Meter.Series
  private let runs: Meter.Series
  private let losses: Meter.Series
  private let known = Mutex<[Place: Meter.Series]>([:])

  init(_ meter: Meter) {
    self.meter = meter
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
  /// - Parameter op: the name of an operation that the worker has.
  func ended(_ op: String, _ outcome: StepOutcome) { meter.add(series(.step(outcome, op: op))) }

  /// An attempt of a step or an item has ended.
  /// - Parameter op: the name of an operation that the worker has.
  func attempted(_ op: String, _ outcome: AttemptOutcome, took time: Duration) {
    meter.add(series(.attempt(outcome, op: op)))
    meter.observe(series(.attemptSeconds(op: op)), time)
  }

  /// A call of a model has ended.
  /// - Parameter model: the name of a model that the settings have, or `other`.
  func called(_ model: String, _ end: ModelCallEnd) {
    meter.add(series(.call(end.outcome, model: model)))
    meter.observe(series(.callSeconds(model: model)), end.took)
    if let time = end.firstText { meter.observe(series(.firstText(model: model)), time) }
    if let cost = end.usage.cost { meter.add(series(.cost(model: model)), cost.billionths) }
    let counts: [(TokenKind, Int)] = [
      (.input, end.usage.input), (.cached, end.usage.cachedInput), (.output, end.usage.output),
      (.reasoning, end.usage.reasoning),
    ]
    for (kind, count) in counts where count > 0 { meter.add(series(.tokens(kind, model: model)), count) }
  }

  private func series(_ place: Place) -> Meter.Series {
    known.withLock { known in
      if let series = known[place] { return series }
      let series = make(place)
      known[place] = series
      return series
    }
  }

  private func make(_ place: Place) -> Meter.Series {
    switch place {
    case .step(let outcome, let op): meter.series(.steps, [outcome.rawValue, op])
    case .attempt(let outcome, let op): meter.series(.attempts, [outcome.text, op])
    case .attemptSeconds(let op): meter.series(.attemptSeconds, [op])
    case .call(let outcome, let model): meter.series(.modelCalls, [outcome.rawValue, model])
    case .callSeconds(let model): meter.series(.modelSeconds, [model])
    case .firstText(let model): meter.series(.firstTokenSeconds, [model])
    case .cost(let model): meter.series(.modelCost, [model])
    case .tokens(let kind, let model): meter.series(.modelTokens, [kind.rawValue, model])
    }
  }
}

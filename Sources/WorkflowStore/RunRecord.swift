import ExactJSON
public import Workflow

/// What a run's steps have produced since the last record; written by one script (group commit).
public struct RunRecord: Sendable {
  /// One thing to be written.
  public enum Item: Sendable {
    /// A progress entry.
    case entry(ProgressMessage, at: Timestamp)
    /// A step's outputs, as JSON text: the step never runs again. `inLog`: the progress entry shows them.
    case checkpoint(step: String, outputs: [UInt8], inLog: Bool, at: Timestamp)
    /// A value for a store; `order` is its place among all that the run stores.
    case stored(step: String, order: Int, namespace: String, value: [UInt8])

    /// The step that it is about, if any.
    public var step: String? {
      switch self {
      case .entry(let message, _): message.step
      case .checkpoint(let step, _, _, _), .stored(let step, _, _, _): step
      }
    }
  }

  /// How the claim comes to an end.
  public enum End: Sendable {
    /// Every step is done.
    case finished(RunResult)
    /// The run has failed.
    case failed(StepFailure)
    /// The run goes back to the head of its queue.
    case handedBack(asSuspect: Bool)
  }

  /// What is to be written, in order.
  public private(set) var items: [Item] = []
  /// Whether, once this is written, a step is under way that may take the worker down with it.
  public var hasStepUnderWay = false
  /// How the claim ends with this record, if it does.
  public var end: End?
  /// The time of the last entry, of this record or of those before.
  private(set) var last: Timestamp
  private let clock: RedisClock

  /// An empty record.
  /// - Parameters:
  ///   - clock: gives the entries their times.
  ///   - last: the time of the log's last entry; none gets a lower one, even if the clock goes back.
  public init(clock: RedisClock, after last: Timestamp) {
    self.clock = clock
    self.last = last
  }

  /// The record that a claim begins with: the run was taken.
  public init(beginning run: ClaimedRun, clock: RedisClock) {
    self.init(clock: clock, after: run.claimedAt)
    items.append(.entry(run.opening, at: last))
  }

  /// An empty record that goes on where this one ends.
  public var next: RunRecord { RunRecord(clock: clock, after: last) }

  /// What an earlier record, of which nothing was written, and this one hold, as far as something is true of it; the end
  /// is open again.
  public func joined(to earlier: RunRecord, keeping isKept: (Item) -> Bool) -> RunRecord {
    var joined = next
    joined.items = (earlier.items + items).filter(isKept)
    return joined
  }

  /// Whether it holds outputs of a step.
  public var hasCheckpoint: Bool {
    items.contains { item in
      if case .checkpoint = item { true } else { false }
    }
  }

  /// Whether there is nothing to write.
  public var isEmpty: Bool { items.isEmpty && end == nil }

  /// Adds a progress entry, stamped now.
  public mutating func log(_ message: ProgressMessage) { items.append(.entry(message, at: stamp())) }

  /// Adds a step's outputs, stamped now.
  public mutating func checkpoint(step: String, outputs: [UInt8], inLog: Bool) {
    items.append(.checkpoint(step: step, outputs: outputs, inLog: inLog, at: stamp()))
  }

  /// Adds a value for a store.
  public mutating func store(step: String, order: Int, namespace: String, value: [UInt8]) {
    items.append(.stored(step: step, order: order, namespace: namespace, value: value))
  }

  private mutating func stamp() -> Timestamp {
    last = max(last, clock.now)
    return last
  }
}

/// What became of a record.
public enum RecordAnswer: Sendable, Equatable {
  /// It is written, now or by an earlier sending.
  case recorded
  /// The claim does not hold the run any more; nothing was written.
  case lost(String)
  /// It cannot be written as it is; nothing was, and its number is not used up. `namespace`: the store that takes
  /// nothing; nil when something else stands in the way.
  case refused(String, namespace: String?)
}

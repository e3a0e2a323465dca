import ExactJSON
public import Workflow

/// What a run's steps have produced since the last batch; one script writes it whole or not at all.
public struct CheckpointBatch: Sendable {
  /// One thing to be written.
  public enum Item: Sendable {
    /// A progress entry.
    case entry(ProgressMessage, at: Timestamp)
    /// A step's outputs, as JSON text: the step never runs again. `inLog`: the progress entry shows them.
    case checkpoint(step: String, outputs: [UInt8], inLog: Bool, at: Timestamp)
    /// The end of an item of a step with `foreach`, as JSON text: the item never runs again. Or what an operation has
    /// recorded of a part.
    indirect case item(StepUnit, end: [UInt8])
    /// A value for a store; `order` is its place among all that the run stores.
    indirect case stored(StepUnit, order: Int, namespace: String, value: [UInt8])
    /// A step has ended without outputs, and never runs again.
    case ended(step: String, StepEnd)
    /// An attempt of a step, or of an item, has failed, and another one follows.
    indirect case attempted(StepUnit, StepAttempts)

    /// What the progress log says of it, if anything.
    var message: ProgressMessage? {
      switch self {
      case .entry(let message, _): message
      case .checkpoint(let step, let outputs, let inLog, _):
        .stepDone(step: step, inLog ? .shown(outputs) : .omitted(bytes: outputs.count))
      case .item, .stored, .ended, .attempted: nil
      }
    }

    /// Bytes of the document that it brings, besides its progress entry.
    fileprivate var documentBytes: Int {
      switch self {
      case .entry: 0
      case .checkpoint(_, let outputs, _, _): outputs.count
      case .item(_, let end): end.count
      case .stored(_, _, _, let value): value.count
      case .ended(_, let end): end.text.utf8.count
      case .attempted(_, let attempts): attempts.json.text.utf8.count
      }
    }

    /// What it costs Redis beside its bytes; that of a progress entry is 1.
    fileprivate var weight: Int {
      switch self {
      case .entry, .item: 1
      case .checkpoint, .ended, .attempted: 2
      case .stored: 4
      }
    }

    /// The step that it is about, if any.
    public var step: String? {
      switch self {
      case .entry(let message, _): message.step
      case .checkpoint(let step, _, _, _), .ended(let step, _): step
      case .item(let unit, _), .stored(let unit, _, _, _), .attempted(let unit, _): unit.step
      }
    }
  }

  /// How the claim comes to an end.
  public enum End: Sendable {
    /// Every step is done.
    indirect case finished(RunResult)
    /// The run has failed.
    case failed(StepFailure)
    /// The run goes back to the head of its queue.
    case handedBack(asSuspect: Bool)
    /// The run waits outside its queue until a time, by the uptime, and then goes back to the head of it.
    case parked(until: Timestamp)

    /// Whether the run itself has ended.
    public var isFinal: Bool {
      switch self {
      case .finished, .failed: true
      case .handedBack, .parked: false
      }
    }
  }

  /// What is to be written, in order.
  public private(set) var items: [Item] = []
  /// Whether, once this is written, a step is under way that may take the worker down with it.
  public var hasStepInFlight = false
  /// Whether, once this is written, a step starts that may call models.
  public var startsModelCalls = false
  /// How the claim ends with this record, if it does.
  public var end: End?
  /// Bytes of the run's documents when it ends.
  public var runDocumentBytes = 0
  /// Whether the end of the run needs what its job says of it.
  public var hasEndOptions = false
  /// Whose run it is: its stores are the owner's.
  public var owner: String?
  /// Names the text of the run's steps, where it is known.
  public var stepsDigest: String?
  /// The time of the last entry, of this record or of those before.
  private(set) var last: Timestamp
  /// Bytes of the run's progress log before this record.
  let earlierLogBytes: Int
  /// Bytes of this record's progress entries.
  private var entryBytes = 0
  /// Bytes of this record's documents.
  private(set) var documentBytes = 0
  /// About how much Redis does for it, beside what its bytes cost.
  private var weight = 0
  private let clock: RedisClock

  /// Bytes of the run's progress log once this record is written.
  public var logBytes: Int { earlierLogBytes + entryBytes }

  /// About how many bytes the record takes on its way to Redis; a value for a store goes there twice.
  public var size: Int { entryBytes + 2 * documentBytes }

  /// An empty record.
  /// - Parameters:
  ///   - clock: gives the entries their times.
  ///   - last: the time of the log's last entry; none gets a lower one, even if the clock goes back.
  ///   - logBytes: bytes of the progress log until now.
  public init(clock: RedisClock, after last: Timestamp, logBytes: Int = 0) {
    self.clock = clock
    self.last = last
    earlierLogBytes = logBytes
  }

  /// The record that a claim begins with: the run was taken.
  public init(beginning run: ClaimedRun, clock: RedisClock) {
    self.init(clock: clock, after: run.claimedAt, logBytes: run.logBytes)
    (hasEndOptions, owner, stepsDigest) = (run.hasEndOptions, run.owner, run.stepsDigest)
    // As many as four immediate steps have.
    items.reserveCapacity(12)
    append(.entry(run.opening, at: last))
  }

  /// An empty record that continues after this one.
  public var next: CheckpointBatch {
    var next = CheckpointBatch(clock: clock, after: last, logBytes: logBytes)
    (next.hasEndOptions, next.owner, next.stepsDigest) = (hasEndOptions, owner, stepsDigest)
    return next
  }

  /// Merges a refused record into this one, keeping only the items that satisfy the predicate, and clears the end.
  public func joined(to refused: CheckpointBatch, keeping isKept: (Item) -> Bool) -> CheckpointBatch {
    var joined = CheckpointBatch(clock: clock, after: last, logBytes: refused.earlierLogBytes)
    (joined.hasEndOptions, joined.owner, joined.stepsDigest) = (hasEndOptions, owner, stepsDigest)
    for item in refused.items + items where isKept(item) { joined.append(item) }
    return joined
  }

  /// Bytes from which a batch should be written before more is added to it.
  private static let full = RunDocuments.mostPerCall
  /// Weight from which it should be written: a script of this weight takes Redis less than 20 ms.
  private static let fullWeight = 6_000

  /// Whether it should be written before more is added to it.
  public var isFull: Bool { size >= Self.full || weight >= Self.fullWeight }

  /// Whether it holds the outputs of a step, or its failure.
  public var hasCheckpoint: Bool {
    items.contains { item in
      switch item {
      case .checkpoint, .item, .ended(_, .failed): true
      case .entry, .stored, .ended(_, .skipped), .attempted: false
      }
    }
  }

  /// Steps whose outputs are the placeholder's because the model failed.
  var fallbacks: Int {
    items.count { item in
      if case .entry(.modelFallback, _) = item { true } else { false }
    }
  }

  /// Whether there is nothing to write.
  public var isEmpty: Bool { items.isEmpty && end == nil }

  /// Adds a progress entry, stamped now.
  public mutating func log(_ message: ProgressMessage) { append(.entry(message, at: stamp())) }

  /// Adds a step's outputs, stamped now.
  public mutating func checkpoint(step: String, outputs: [UInt8], inLog: Bool) {
    append(.checkpoint(step: step, outputs: outputs, inLog: inLog, at: stamp()))
  }

  /// Adds that a step has ended without outputs.
  public mutating func end(step: String, _ end: StepEnd) { append(.ended(step: step, end)) }

  /// Adds that an attempt of a step has failed, and that another one follows.
  public mutating func attempted(_ unit: StepUnit, _ attempts: StepAttempts) { append(.attempted(unit, attempts)) }

  /// Adds how an item of a step has ended.
  public mutating func item(_ unit: StepUnit, _ end: ItemEnd) { append(.item(unit, end: end.json.bytes)) }

  /// Removes the items of a step: its outputs hold them.
  /// - Returns: the bytes of their documents.
  public mutating func removeItems(of step: String) -> Int {
    guard items.contains(where: { if case .item = $0 { true } else { false } }) else { return 0 }
    let before = documentBytes
    let kept = items.filter { if case .item(let unit, _) = $0 { unit.step != step } else { true } }
    (items, entryBytes, documentBytes, weight) = ([], 0, 0, 0)
    for item in kept { append(item) }
    return before - documentBytes
  }

  /// Adds a value for a store.
  public mutating func store(_ unit: StepUnit, order: Int, namespace: String, value: [UInt8]) {
    append(.stored(unit, order: order, namespace: namespace, value: value))
  }

  private mutating func append(_ item: Item) {
    items.append(item)
    entryBytes += item.message?.byteCount ?? 0
    documentBytes += item.documentBytes
    weight += item.weight
  }

  private mutating func stamp() -> Timestamp {
    last = max(last, clock.now)
    return last
  }
}

/// How a step has ended that has no outputs.
public enum StepEnd: Sendable, Equatable {
  /// It was not run, and that does not fail the run.
  case skipped
  /// It has failed. `order`: how many steps have failed before it; `inFlight`: the steps that were in flight then.
  case failed(StepFailure, order: Int, inFlight: [String])

  /// As it lies in the run's outputs: `"skipped"` or `{"error_code","error","order","in_flight"}`.
  var text: String {
    switch self {
    case .skipped: #""skipped""#
    case .failed(let failure, let order, let inFlight):
      JSONValue.object([
        "error_code": .string(failure.code.rawValue), "error": .string(failure.message),
        "order": .number(JSONNumber(order)), "in_flight": .array(inFlight.map(JSONValue.string)),
      ]).text
    }
  }

  /// Reads what ``text`` writes; nil when it has another shape.
  init?(json: JSONValue) {
    if json.stringValue == "skipped" {
      self = .skipped
      return
    }
    guard let object = json.objectValue, let code = object["error_code"]?.stringValue.flatMap(ErrorCode.init),
      let message = object["error"]?.stringValue, let order = object["order"]?.numberValue?.int,
      let inFlight = object["in_flight"]?.arrayValue?.compactMap(\.stringValue)
    else { return nil }
    self = .failed(StepFailure(code, message), order: order, inFlight: inFlight)
  }
}

/// What became of a record.
public enum WriteOutcome: Sendable, Equatable {
  /// It is written, now or by an earlier sending.
  case recorded
  /// The claim does not hold the run any more; nothing was written.
  case lost(String)
  /// Nothing was written: the claim holds the run, but Redis knows its records only up to this number. It has lost the
  /// others, which must be written again first.
  case behind(Int)
  /// It cannot be written as it is; nothing was, and its number is not used up. `namespace`: the store that takes
  /// nothing; nil when something else prevents it.
  case refused(String, namespace: String?)
}

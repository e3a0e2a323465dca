public import ExactJSON
public import Tracing
public import Workflow

/// A run that a worker holds: what it needs to continue, and the token that fences its writes.
public final class ClaimedRun: Sendable {
  /// The run's id.
  public let id: JobID
  /// The fencing token of this claim.
  public let token: String
  /// When it was taken; no entry of this claim has a lower time.
  public let claimedAt: Timestamp
  /// How long it has waited for its first claim; nil in a later one.
  public let waited: Duration?
  /// When it was first started; that of this claim where the run was run again.
  public let startedAt: Timestamp
  /// What its log is to say first: that the run was taken, for the first time or again.
  public let opening: ProgressMessage
  /// The id of the request that submitted it.
  public let requestID: String
  /// Whether its end needs what its job says of it.
  public let hasEndOptions: Bool
  /// Whose run it is; nil without API keys.
  public let owner: String?
  /// How often it was run again after it had ended.
  public let generation: Int
  /// When it was submitted, where it has a trace.
  public let createdAt: Timestamp?
  /// The trace that it belongs to; nil where it came without one.
  public let trace: TraceContext?
  /// Names the text of its steps, which outlives the run: 16 hexadecimal digits.
  public let stepsDigest: String
  /// Whether its next crash would end it; its worker holds no other run until it has recorded a checkpoint.
  public let isSuspect: Bool
  /// The run.
  public let definition: WorkflowDefinition
  /// The definition's steps as a graph.
  public let graph: StepGraph
  /// The outputs of the steps that are recorded, by step id.
  public let recorded: [String: JSONObject]
  /// How the steps have ended that are recorded without outputs, by step id.
  public let ended: [String: StepEnd]
  /// The failed attempts of the steps and items that are to be attempted again.
  public let attempts: [StepUnit: StepAttempts]
  /// How the items of steps with `foreach` have ended, by step id and position.
  public let items: [String: [Int: ItemEnd]]
  private let partsOfItems: [StepUnit: [Int: JSONObject]]
  /// What recorded steps stored, in the order of recording.
  public let stored: [StoredValue]

  /// Bytes of the run's documents as JSON text: steps, inputs, recorded outputs, stored values.
  public let documentBytes: Int
  /// Bytes of the run's progress log.
  public let logBytes: Int

  /// A value that a step has stored.
  public struct StoredValue: Sendable, Equatable {
    /// Its place among all that the run has stored, from 0.
    public let order: Int
    /// Where it was stored.
    public let namespace: String
    /// The step, or the item, that stored it.
    public let unit: StepUnit
  }

  /// The inputs' JSON text where it is short, so that it need not be read again for the result.
  public let shortInputs: [UInt8]?
  private static let longestShortInputs = 1 << 10

  /// Reads a run from its documents.
  /// - Parameters:
  ///   - text: its steps and inputs, as they lie in Redis.
  ///   - outputs: what recorded steps returned, how others ended, which attempts failed, and where steps stored
  ///     something, by field: `out:`, `end:`, `try:`, `item:` and `place:` before the name of the step or item.
  ///   - documents: how long what is recorded is, stored values included.
  init(
    _ head: RunHead, submitted text: [UInt8], outputs: [String: [UInt8]] = [:], documents: RunDocuments? = nil,
    cache: TextCache<StepList>
  ) throws(StoreError) {
    id = head.held.id
    token = head.held.token
    claimedAt = head.claimedAt
    (waited, startedAt) = (head.waited, head.startedAt)
    isSuspect = head.isSuspect
    requestID = head.requestID
    logBytes = head.logBytes
    hasEndOptions = head.hasEndOptions
    owner = head.owner
    generation = head.generation
    (createdAt, trace) = (head.createdAt, head.trace)
    opening = head.isFirst ? .started(run: head.runName) : .resumed
    let (steps, inputs) = try Self.parts(of: text, head)
    let list = try Self.list(steps, id, cache)
    guard let object = try Self.json(inputs, "inputs", of: id).objectValue else {
      throw .damaged("the inputs of run \(id) are no object")
    }
    definition = WorkflowDefinition(
      runName: head.runName, inputs: object, steps: list.steps, failsFast: list.failsFast, budget: list.budget)
    graph = list.graph
    stepsDigest = list.digest
    shortInputs = inputs.count <= Self.longestShortInputs ? inputs : nil
    documentBytes = steps.count + (documents?.bytes ?? inputs.count)
    var parts = RecordedParts(id: id)
    for (name, value) in outputs {
      // A place is the inside of an array.
      let text = name.hasPrefix("place:") ? [UInt8(ascii: "[")] + value + [UInt8(ascii: "]")] : value
      try parts.add(name, try Self.json(text, name, of: id))
    }
    recorded = parts.recorded
    ended = parts.ended
    attempts = parts.attempts
    items = parts.items
    partsOfItems = parts.partsOfItems
    stored = parts.stored.sorted { $0.order < $1.order }
  }

  /// Whether anything is recorded of items, or of parts.
  public var hasParts: Bool { !items.isEmpty || !partsOfItems.isEmpty }

  /// What the operation of a step that runs once, or of an item, has recorded of parts of it, by their numbers.
  public func parts(of unit: StepUnit) -> [Int: JSONObject] {
    if unit.item != nil { return partsOfItems[unit] ?? [:] }
    return (items[unit.step] ?? [:]).compactMapValues { end in
      if case .outputs(let outputs) = end { outputs } else { nil }
    }
  }

  /// How its steps have ended, by id, as far as it is recorded.
  public var outcomes: [String: Plan.Outcome] {
    if recorded.isEmpty, ended.isEmpty { return [:] }
    var outcomes = recorded.mapValues { _ in Plan.Outcome.done }
    for step in definition.steps {
      switch ended[step.id] {
      case nil: break
      case .skipped: outcomes[step.id] = .skipped
      case .failed: outcomes[step.id] = .failed(isOptional: step.options.isOptional)
      }
    }
    return outcomes
  }

  /// The recorded failures, in their order; `step`: the id of the step that has failed.
  public var failures: [(step: String, failure: StepFailure, inFlight: [String])] {
    if ended.isEmpty { return [] }
    let failed = ended.compactMap {
      step, end -> (order: Int, step: String, failure: StepFailure, inFlight: [String])? in
      guard case .failed(let failure, let order, let inFlight) = end else { return nil }
      return (order, step, failure, inFlight)
    }
    return failed.sorted { $0.order < $1.order }.map { ($0.step, $0.failure, $0.inFlight) }
  }

  /// A list of steps as it lies in Redis, ready to be run.
  struct StepList: Sendable {
    let steps: [StepDefinition]
    let graph: StepGraph
    let failsFast: Bool
    let budget: WorkflowDefinition.Budget
    let digest: String
  }

  /// The steps and the inputs of a submitted text.
  private static func parts(of text: [UInt8], _ head: RunHead) throws(StoreError) -> (steps: [UInt8], inputs: [UInt8]) {
    guard text.count == head.documentBytes, let stepBytes = RunDocuments.stepBytes(in: text) else {
      throw .damaged("run \(head.held.id) has no steps and inputs")
    }
    let documents = text.dropFirst(RunDocuments.headBytes)
    return (Array(documents.prefix(stepBytes)), Array(documents.dropFirst(stepBytes)))
  }

  private static func list(
    _ bytes: [UInt8], _ id: JobID, _ cache: TextCache<StepList>
  ) throws(StoreError) -> StepList {
    if let known = cache.value(of: bytes) { return known }
    guard let stored = StoredSteps(json: try json(bytes, "steps", of: id)) else {
      throw .damaged("the steps of run \(id) have another shape")
    }
    let list = StepList(
      steps: stored.steps, graph: StepGraph(stored.steps), failsFast: stored.failsFast,
      budget: stored.budget, digest: RunDocuments.digest(bytes))
    cache.keep(list, of: bytes)
    return list
  }

  private static func json(_ bytes: [UInt8], _ field: String, of id: JobID) throws(StoreError) -> JSONValue {
    do {
      // The depth was bounded when the run came in; outputs may wrap an input a few levels deeper.
      return try JSONValue(deeply: bytes)
    } catch {
      throw .damaged("\(field) of run \(id): \(error)")
    }
  }
}

/// What a run has recorded, by what it is.
private struct RecordedParts {
  let id: JobID
  var recorded: [String: JSONObject] = [:]
  var ended: [String: StepEnd] = [:]
  var attempts: [StepUnit: StepAttempts] = [:]
  var items: [String: [Int: ItemEnd]] = [:]
  var partsOfItems: [StepUnit: [Int: JSONObject]] = [:]
  var stored: [ClaimedRun.StoredValue] = []

  /// Adds a field of the run's outputs.
  mutating func add(_ field: String, _ value: JSONValue) throws(StoreError) {
    let (kind, name) = (field.prefix { $0 != ":" }, field.drop { $0 != ":" }.dropFirst())
    switch kind {
    case "out": recorded[String(name)] = value.objectValue
    case "end": ended[String(name)] = StepEnd(json: value)
    case "try": attempts[StepUnit(name: name)] = StepAttempts(json: value)
    case "item":
      let unit = StepUnit(name: name)
      if let part = unit.part {
        partsOfItems[StepUnit(unit.step, item: unit.item), default: [:]][part] = value.objectValue
      } else {
        items[unit.step, default: [:]][unit.item ?? 0] = ItemEnd(json: value)
      }
    default: stored.append(try place(field, value, StepUnit(name: name)))
    }
  }

  private func place(
    _ field: String, _ value: JSONValue, _ unit: StepUnit
  ) throws(StoreError) -> ClaimedRun.StoredValue {
    let place = value.arrayValue ?? []
    guard place.count == 2, let order = place[0].numberValue?.int, let namespace = place[1].stringValue else {
      throw .damaged("\(field) of run \(id) has another shape")
    }
    return ClaimedRun.StoredValue(order: order, namespace: namespace, unit: unit)
  }
}

public import ExactJSON

/// Reads a submitted body into a definition, or says everything that is wrong with it.
///
/// A body costs time in proportion to its length, whatever its texts: texts are compared as bytes, and look-ups are
/// made with valid ids only.
public struct DefinitionReader: Sendable {
  private let own: [String: ParameterSchema]
  /// The schemas of each operation: that of this program first. Parameters are good if one of them takes them.
  private let operations: [ExactKey: [ParameterSchema]]
  /// The names of the operations, as a sentence lists them.
  private let operationNames: String
  private let maxStepBytes: Int
  private let inputBudget: InputBudget
  /// Says what is wrong with a `callback_url`.
  package let callbacks: CallbackCheck
  private let known = TextCache<StepList>()

  /// A reader.
  /// - Parameters:
  ///   - operations: the parameters of each operation that a step may name.
  ///   - maxStepBytes: bytes that a step may be given and may return (`WF_MAX_OUTPUT_BYTES`).
  ///   - callbacks: says what is wrong with a `callback_url`; by default that callbacks are off.
  public init(
    operations: [String: ParameterSchema], maxStepBytes: Int = .max,
    callbacks: @escaping CallbackCheck = { _ in Callbacks.areOff }
  ) {
    self.init(own: operations, others: [:], maxStepBytes: maxStepBytes, callbacks: callbacks)
  }

  private init(
    own: [String: ParameterSchema], others: [String: [ParameterSchema]], maxStepBytes: Int,
    callbacks: @escaping CallbackCheck
  ) {
    self.own = own
    self.maxStepBytes = maxStepBytes
    self.callbacks = callbacks
    var operations = Dictionary(own.map { (ExactKey($0.key), [$0.value]) }, uniquingKeysWith: { first, _ in first })
    for (name, schemas) in others { operations[ExactKey(name), default: []] += schemas }
    self.operations = operations
    operationNames = Self.list(operations.keys.map(\.text).sorted())
    inputBudget = InputBudget(maxStepBytes: maxStepBytes)
  }

  /// The operations of this program.
  package var ownOperations: [String: ParameterSchema] { own }

  /// A reader that takes operations of others, too, and what their schemas allow besides those of this program.
  package func adding(_ others: [String: [ParameterSchema]]) -> DefinitionReader {
    DefinitionReader(own: own, others: others, maxStepBytes: maxStepBytes, callbacks: callbacks)
  }

  /// The first names, as a sentence lists them: with more a fault would be as long as an answer may be.
  private static func list(_ names: [String]) -> String {
    let most = 50
    if names.count <= most { return ParameterSchema.Kind.alternatives(names) }
    let first = names.prefix(most).map { "'\($0)'" }.joined(separator: ", ")
    return "\(first) or one of \(names.count - most) others"
  }

  /// Writes the JSON Schemas of bodies (``WorkflowSchema``).
  package var schemas: @Sendable () -> JSONObject {
    { [operations] in
      WorkflowSchema.components(Dictionary(uniqueKeysWithValues: operations.map { ($0.key.text, $0.value) }))
    }
  }

  /// Every fault of a body.
  public struct Faults: Error, Sendable, Equatable {
    /// The faults in the order in which they were found; where they are more than an answer holds, the last counts the
    /// rest.
    public let faults: [ValidationFault]
  }

  /// A parsed body.
  public struct ParsedBody: Sendable {
    /// The body.
    public let document: JSONDocument
    /// Its steps, where they were read before.
    let known: StepList?
  }

  /// A list of steps as it was parsed and as it was read, its JSON text with the defaults filled in, and how many
  /// references into the inputs each step has.
  struct StepList: Sendable {
    let parsed: JSONValue
    let steps: [StepDefinition]
    let inputReferences: [Int]
    let text: [UInt8]
  }

  /// Parses a body. Steps that were found good before are not parsed again: many runs are of the same workflow.
  public func parse(_ body: [UInt8]) throws(JSONError) -> ParsedBody {
    var found: StepList?
    let document = try JSONDocument(parsing: body) { key, text in
      guard key.hasSameScalars(as: "steps") else { return nil }
      found = known.value(of: text)
      return found?.parsed
    }
    return ParsedBody(document: document, known: found)
  }

  /// Reads a body. Steps that were found good before are not looked at again.
  /// - Parameter dayBudget: what calls of models may cost in a day for all runs of the owner, as its key has it.
  /// - Returns: the workflow, and the JSON text of its steps with the defaults filled in (``StoredSteps``).
  /// - Throws: every fault at once.
  public func read(_ body: ParsedBody, dayBudget: Cost? = nil) throws(Faults) -> (
    definition: WorkflowDefinition, steps: [UInt8]
  ) {
    let (document, cached) = (body.document, body.known)
    var reading = DefinitionReading(
      operations: operations, operationNames: operationNames, callbacks: callbacks)
    let parts = reading.body(document.value, knownSteps: cached)
    guard reading.faults.isEmpty, let parts else { throw Faults(faults: reading.faults.all) }
    let list = cached ?? StepList(parts.steps, parsed: document.value.objectValue?["steps"] ?? .null)
    if cached == nil { known.keep(list, of: Array(document.source(of: "steps") ?? [])) }
    InputReferences.check(list, inputs: parts.inputs, &reading.faults)
    let inputsLength = document.source(of: "inputs")?.count ?? 0
    inputBudget.check(list, inputs: parts.inputs, length: inputsLength, &reading.faults)
    guard reading.faults.isEmpty else { throw Faults(faults: reading.faults.all) }
    let budget = WorkflowDefinition.Budget(run: parts.maxCost, day: dayBudget)
    let definition = WorkflowDefinition(
      runName: parts.runName, inputs: parts.inputs, steps: list.steps, failsFast: parts.failsFast, budget: budget,
      options: parts.options)
    return (definition, StoredSteps.text(list.text, failsFast: parts.failsFast, budget: budget))
  }
}

extension DefinitionReader.StepList {
  fileprivate init(_ steps: [DefinitionReading.ReadStep], parsed: JSONValue) {
    self.parsed = parsed
    self.steps = steps.map(\.definition)
    inputReferences = steps.map(\.references.inputs)
    text = JSONValue.array(self.steps.map(\.json)).bytes
  }
}

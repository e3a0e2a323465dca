public import ExactJSON

extension StepDefinition {
  /// The step as wf stores it: `{"id","op","needs","params"}`, and what else it says.
  public var json: JSONValue {
    var object: JSONObject = [
      "id": .string(id), "op": .string(op), "needs": .array(needs.map(\.json)), "params": .object(params),
    ]
    if options.isOptional { object["optional"] = .bool(true) }
    if let condition = options.condition { object["when"] = condition }
    if let timeout = options.timeout { object["timeout_s"] = .number(timeout) }
    options.foreach?.write(to: &object)
    if let retry = options.retry { object["retry"] = .object(retry.json) }
    return .object(object)
  }

  /// Reads a step that wf stored; nil when the shape is not the one that ``json`` writes.
  public init?(json: JSONValue) {
    guard let object = json.objectValue,
      let id = object["id"]?.stringValue, let op = object["op"]?.stringValue,
      let needs = object["needs"]?.arrayValue?.compactMap(Need.init(json:)), let params = object["params"]?.objectValue
    else { return nil }
    var options = Options()
    options.isOptional = object["optional"] == .bool(true)
    options.condition = object["when"]
    options.timeout = object["timeout_s"]?.numberValue
    options.foreach = Foreach(stored: object)
    options.retry = object["retry"]?.objectValue.map(RetryOptions.init(json:))
    self.init(id: id, op: op, needs: needs, params: params, options: options)
  }
}

/// The steps of a run as wf stores them: an array, or where the run says something of all of them
/// `{"fail_fast":false,"max_cost":…,"max_cost_day":…,"steps":[…]}`.
public struct StoredSteps: Sendable, Equatable {
  /// The steps.
  public let steps: [StepDefinition]
  /// Whether nothing more starts once a step has failed.
  public let failsFast: Bool
  /// What calls of models may cost.
  public let budget: WorkflowDefinition.Budget

  /// Reads what wf stored; nil when a step has another shape, or there is none.
  public init?(json: JSONValue) {
    guard let elements = json.arrayValue ?? json.objectValue?["steps"]?.arrayValue else { return nil }
    steps = elements.compactMap(StepDefinition.init(json:))
    guard !steps.isEmpty, steps.count == elements.count else { return nil }
    let object = json.objectValue
    failsFast = object?["fail_fast"] != .bool(false)
    func amount(_ name: String) -> Cost? { object?[name]?.numberValue.flatMap { Cost($0) } }
    budget = WorkflowDefinition.Budget(run: amount("max_cost"), day: amount("max_cost_day"))
  }

  /// The text to store.
  /// - Parameter steps: their text, as a JSON array.
  static func text(_ steps: [UInt8], failsFast: Bool, budget: WorkflowDefinition.Budget) -> [UInt8] {
    var members = failsFast ? "" : "\"fail_fast\":false,"
    if let cost = budget.run { members += "\"max_cost\":\(cost.text)," }
    if let cost = budget.day { members += "\"max_cost_day\":\(cost.text)," }
    return members.isEmpty ? steps : Array("{\(members)\"steps\":".utf8) + steps + [UInt8(ascii: "}")]
  }
}

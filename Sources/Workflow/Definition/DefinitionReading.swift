import ExactJSON

/// One pass over a body, which collects faults as it goes.
struct DefinitionReading {
  /// A step as it was read, valid or not.
  struct ReadStep {
    let definition: StepDefinition
    let references: StepDefinition.References
    /// Positions in the body's `needs` of the ids in the definition's.
    let needPositions: [Int]
  }

  /// The parts of a definition.
  struct Body {
    let runName: String
    let inputs: JSONObject
    let steps: [ReadStep]
    let failsFast: Bool
    let maxCost: Cost?
    let options: RunOptions
  }

  let operations: [ExactKey: [ParameterSchema]]
  let operationNames: String
  let callbacks: CallbackCheck
  var faults = FaultList()
  private let root: ValidationFault.Location = [.key("body")]

  init(operations: [ExactKey: [ParameterSchema]], operationNames: String, callbacks: @escaping CallbackCheck) {
    self.callbacks = callbacks
    self.operations = operations
    self.operationNames = operationNames
  }

  /// Reads the body; nil when a part cannot be read.
  /// - Parameter knownSteps: the steps where they were read before; the body's are then not looked at.
  mutating func body(_ value: JSONValue, knownSteps: DefinitionReader.StepList?) -> Body? {
    guard let object = value.objectValue else {
      let message = "Input should be a valid dictionary or object to extract fields from"
      faults.add(ValidationFault("model_attributes_type", root, message, input: value))
      return nil
    }
    Field.refuseOthers(object, RunField.names, at: root, &faults)
    let name = RunField.runName.read(object, at: root, &faults)?.stringValue
    let inputs = self.object(object["inputs"], at: root + [.key("inputs")])
    let steps = knownSteps == nil ? self.steps(object) : []
    let failsFast = RunField.failFast.read(object, at: root, &faults)?.boolValue ?? true
    let maxCost = RunField.maxCost.read(object, at: root, &faults)?.numberValue.flatMap { Cost($0) }
    let options = RunOptions(object, at: root, callbacks: callbacks, &faults)
    guard let name, let inputs, let steps else { return nil }
    return Body(
      runName: name, inputs: inputs, steps: steps, failsFast: failsFast, maxCost: maxCost, options: options)
  }

  private mutating func string(
    _ field: Field, of object: JSONObject, at place: ValidationFault.Location
  ) -> String? {
    guard let value = field.read(object, at: place, &faults) else { return nil }
    if let text = value.stringValue { return text }
    faults.add(.stringType(place + [.key(field.name)], value))
    return nil
  }

  private mutating func object(_ value: JSONValue?, at place: ValidationFault.Location) -> JSONObject? {
    guard let value else { return JSONObject() }
    if let object = value.objectValue { return object }
    faults.add(.objectType(place, value))
    return nil
  }

  private mutating func steps(_ body: JSONObject) -> [ReadStep]? {
    guard let value = RunField.steps.read(body, at: root, &faults) else { return nil }
    let place = root + [.key("steps")]
    guard let elements = value.arrayValue else {
      faults.add(.arrayType(place, value))
      return nil
    }
    let limit = WorkflowDefinition.Limit.steps
    guard (1...limit).contains(elements.count) else {
      faults.add(.wrongCount(place, value, elements.count, limit: limit))
      return nil
    }
    let steps = elements.enumerated().map { step($1, at: place + [.index($0)]) }
    var check = GraphCheck(steps, at: place)
    check.run(&faults)
    return faults.isEmpty ? steps.compactMap { $0 } : nil
  }

  private mutating func step(_ value: JSONValue, at place: ValidationFault.Location) -> ReadStep? {
    guard let object = value.objectValue else {
      faults.add(.objectType(place, value))
      return nil
    }
    Field.refuseOthers(object, StepField.names, at: place, &faults)
    let id = stepID(object, at: place)
    let operation = self.operation(object, at: place)
    let needs = self.needs(object["needs"], at: place + [.key("needs")])
    let paramsPlace = place + [.key("params")]
    let params = self.object(object["params"], at: paramsPlace)
    let hasItem = object["foreach"] != nil
    let schema = params.flatMap { check($0, by: operation?.schemas ?? [], at: paramsPlace, hasItem: hasItem) }
    let options = self.options(object, at: place)
    guard let id else { return nil }
    // With faulty params the step is still there, for those that wait for it.
    let filled = params.flatMap { schema?.fillingDefaults($0) } ?? params ?? JSONObject()
    let definition = StepDefinition(
      id: id, op: operation?.name ?? "", needs: needs.map(\.need), params: filled, options: options)
    return ReadStep(
      definition: definition, references: definition.references, needPositions: needs.map(\.position))
  }

  /// Checks params by several schemas; adds the faults by the first one where none takes them.
  /// - Returns: the first schema that takes them, or else the first one.
  private mutating func check(
    _ params: JSONObject, by schemas: [ParameterSchema], at place: ValidationFault.Location, hasItem: Bool
  ) -> ParameterSchema? {
    if schemas.count > 1 {
      for schema in schemas {
        var found = FaultList()
        schema.check(params, at: place, hasItem: hasItem, &found)
        if found.isEmpty { return schema }
      }
    }
    schemas.first?.check(params, at: place, hasItem: hasItem, &faults)
    return schemas.first
  }

  private mutating func stepID(_ step: JSONObject, at place: ValidationFault.Location) -> String? {
    guard let id = string(StepField.id, of: step, at: place) else { return nil }
    guard StepDefinition.isValidID(id) else {
      let message = "String should match pattern '\(StepDefinition.idPattern)'"
      faults.add(ValidationFault("string_pattern_mismatch", place + [.key("id")], message, input: .string(id)))
      return nil
    }
    if StepDefinition.reservedIDs.contains(id) {
      let message = "\(id) is reserved: in references it names something else"
      faults.add(.value(place + [.key("id")], .string(id), message))
    }
    return id
  }

  private mutating func operation(
    _ step: JSONObject, at place: ValidationFault.Location
  ) -> (name: String, schemas: [ParameterSchema])? {
    guard let name = string(StepField.op, of: step, at: place) else { return nil }
    if let schemas = operations[ExactKey(name)] { return (name, schemas) }
    let fault = ValidationFault.notOneOf(place + [.key("op")], .string(name), operationNames)
    faults.add(Self.remedies[ExactKey(name)].map { fault.adding("(\($0))") } ?? fault)
    return nil
  }

  /// What the operator does to have an operation of wf that is not there.
  private static let remedies = [
    ExactKey("llm_chat"): "llm_chat needs a model: WF_LLM_BASE_URL and WF_LLM_MODEL, or WF_MODELS_FILE"
  ]

  /// What a step says besides its operation.
  private mutating func options(_ step: JSONObject, at place: ValidationFault.Location) -> StepDefinition.Options {
    var options = StepDefinition.Options()
    options.isOptional = StepField.isOptional.read(step, at: place, &faults)?.boolValue ?? false
    if let value = step["when"] {
      var conditionPlace = place + [.key("when")]
      ReferenceCheck.check(value, at: &conditionPlace, &faults)
      if Condition.read(value, at: &conditionPlace, &faults) != nil { options.condition = value }
    }
    options.timeout = StepField.timeout.read(step, at: place, &faults)?.numberValue
    options.foreach = Foreach(step, at: place, &faults)
    if let value = step["retry"] { options.retry = RetryOptions(value, at: place + [.key("retry")], &faults) }
    return options
  }

  /// The needs that have the form of an id; where each is in the body's list.
  private mutating func needs(
    _ value: JSONValue?, at place: ValidationFault.Location
  ) -> [(need: Need, position: Int)] {
    guard let value else { return [] }
    guard let elements = value.arrayValue else {
      faults.add(.arrayType(place, value))
      return []
    }
    var needs: [(need: Need, position: Int)] = []
    var triggers: [String: Need.Trigger] = [:]
    for (index, element) in elements.enumerated() {
      let place = place + [.index(index)]
      guard let need = need(element, at: place) else { continue }
      if let other = triggers[need.step], other != need.trigger {
        faults.add(.value(place, element, "\(need.step) is needed on \(other.rawValue) already"))
      }
      triggers[need.step] = need.trigger
      needs.append((need, index))
    }
    return needs
  }

  /// An entry of `needs`: a step's id, or `{"step": id, "on": "done" | "failed" | "any"}`.
  private mutating func need(_ value: JSONValue, at place: ValidationFault.Location) -> Need? {
    var trigger = Need.Trigger.done
    var step = value.stringValue
    if let object = value.objectValue {
      Field.refuseOthers(object, NeedField.names, at: place, &faults)
      step = string(NeedField.step, of: object, at: place)
      let name = NeedField.trigger.read(object, at: place, &faults)?.stringValue
      trigger = name.flatMap(Need.Trigger.init) ?? .done
    } else if step == nil {
      faults.add(.stringType(place, value))
    }
    guard let step else { return nil }
    if StepDefinition.isValidID(step) { return Need(step, on: trigger) }
    faults.add(.unknownStep(step, place, value))
    return nil
  }
}

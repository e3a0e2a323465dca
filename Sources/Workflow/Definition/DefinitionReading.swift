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
    let options: RunOptions
  }

  let operations: [ExactKey: ParameterSchema]
  let operationNames: String
  var faults = FaultList()
  private let root: ValidationFault.Location = [.key("body")]

  init(operations: [ExactKey: ParameterSchema], operationNames: String) {
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
    refuseExtras(object, known: ["run_name", "inputs", "steps", "fail_fast"] + RunOptions.fields, at: root)
    let name = runName(object)
    let inputs = self.object(object["inputs"], at: root + [.key("inputs")])
    let steps = knownSteps == nil ? self.steps(object) : []
    let failsFast = bool("fail_fast", of: object, at: root) ?? true
    let options = RunOptions(object, at: root, &faults)
    guard let name, let inputs, let steps else { return nil }
    return Body(runName: name, inputs: inputs, steps: steps, failsFast: failsFast, options: options)
  }

  private mutating func refuseExtras(_ object: JSONObject, known: [String], at place: ValidationFault.Location) {
    for member in object.members where !known.contains(where: member.key.hasSameScalars) {
      faults.add(.extraForbidden(place + [.key(member.key)], member.value))
    }
  }

  private mutating func required(
    _ key: String, of object: JSONObject, at place: ValidationFault.Location
  ) -> JSONValue? {
    if let value = object[key] { return value }
    faults.add(.missing(place + [.key(key)], in: .object(object)))
    return nil
  }

  private mutating func string(
    _ key: String, of object: JSONObject, at place: ValidationFault.Location
  ) -> String? {
    guard let value = required(key, of: object, at: place) else { return nil }
    if let text = value.stringValue { return text }
    faults.add(.stringType(place + [.key(key)], value))
    return nil
  }

  private mutating func bool(
    _ key: String, of object: JSONObject, at place: ValidationFault.Location
  ) -> Bool? {
    guard let value = object[key] else { return nil }
    if case .bool(let flag) = value { return flag }
    faults.add(.boolType(place + [.key(key)], value))
    return nil
  }

  private mutating func runName(_ body: JSONObject) -> String? {
    guard let name = string("run_name", of: body, at: root) else { return nil }
    let limit = WorkflowDefinition.Limit.runNameScalars
    if name.unicodeScalars.count > limit {
      faults.add(.stringTooLong(root + [.key("run_name")], .string(name), limit: limit))
    }
    return name
  }

  private mutating func object(_ value: JSONValue?, at place: ValidationFault.Location) -> JSONObject? {
    guard let value else { return JSONObject() }
    if let object = value.objectValue { return object }
    faults.add(.objectType(place, value))
    return nil
  }

  private mutating func steps(_ body: JSONObject) -> [ReadStep]? {
    guard let value = required("steps", of: body, at: root) else { return nil }
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
    let known = ["id", "op", "needs", "params", "optional", "when", "timeout_s", "retry"] + Foreach.fields
    refuseExtras(object, known: known, at: place)
    let id = stepID(object, at: place)
    let schema = operation(object, at: place)
    let needs = self.needs(object["needs"], at: place + [.key("needs")])
    let paramsPlace = place + [.key("params")]
    let params = self.object(object["params"], at: paramsPlace)
    let hasItem = object["foreach"] != nil
    if let schema, let params { schema.schema.check(params, at: paramsPlace, hasItem: hasItem, &faults) }
    let options = self.options(object, at: place)
    guard let id else { return nil }
    // With faulty params the step is still there, for those that wait for it.
    let filled = params.flatMap { schema?.schema.fillingDefaults($0) } ?? params ?? JSONObject()
    let definition = StepDefinition(
      id: id, op: schema?.name ?? "", needs: needs.map(\.need), params: filled, options: options)
    return ReadStep(
      definition: definition, references: definition.references, needPositions: needs.map(\.position))
  }

  private mutating func stepID(_ step: JSONObject, at place: ValidationFault.Location) -> String? {
    guard let id = string("id", of: step, at: place) else { return nil }
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
  ) -> (name: String, schema: ParameterSchema)? {
    guard let name = string("op", of: step, at: place) else { return nil }
    if let schema = operations[ExactKey(name)] { return (name, schema) }
    faults.add(.notOneOf(place + [.key("op")], .string(name), operationNames))
    return nil
  }

  /// What a step says besides its operation.
  private mutating func options(_ step: JSONObject, at place: ValidationFault.Location) -> StepDefinition.Options {
    var options = StepDefinition.Options()
    options.isOptional = bool("optional", of: step, at: place) ?? false
    if let value = step["when"] {
      var conditionPlace = place + [.key("when")]
      ReferenceCheck.check(value, at: &conditionPlace, &faults)
      if Condition.read(value, at: &conditionPlace, &faults) != nil { options.condition = value }
    }
    if let value = step["timeout_s"] {
      if let fault = Self.timeout.fault(in: value, at: place + [.key("timeout_s")]) { faults.add(fault) }
      options.timeout = value.numberValue
    }
    options.foreach = Foreach(step, at: place, &faults)
    if let value = step["retry"] { options.retry = RetryOptions(value, at: place + [.key("retry")], &faults) }
    return options
  }

  /// The seconds that an attempt may be given.
  private static let timeout = ParameterSchema.Kind.number(0.1...86_400)

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
      refuseExtras(object, known: ["step", "on"], at: place)
      step = string("step", of: object, at: place)
      if object["on"] != nil, let name = string("on", of: object, at: place) {
        if let known = Need.Trigger(rawValue: name) {
          trigger = known
        } else {
          let names = ParameterSchema.Kind.alternatives(Need.Trigger.allCases.map(\.rawValue))
          faults.add(.notOneOf(place + [.key("on")], .string(name), names))
        }
      }
    } else if step == nil {
      faults.add(.stringType(place, value))
    }
    guard let step else { return nil }
    if StepDefinition.isValidID(step) { return Need(step, on: trigger) }
    faults.add(.unknownStep(step, place, value))
    return nil
  }
}

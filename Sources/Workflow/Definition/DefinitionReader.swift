public import ExactJSON

/// Reads a submitted body into a definition, or says everything that is wrong with it.
public struct DefinitionReader: Sendable {
  /// The parameters of each operation that a step may name.
  public let operations: [String: ParameterSchema]
  private let known = TextCache<StepList>()
  /// More faults than this are counted, not listed.
  public static let faultLimit = 1_000

  /// A reader for these operations.
  public init(operations: [String: ParameterSchema]) { self.operations = operations }

  /// Every fault of a body.
  public struct Faults: Error, Sendable, Equatable {
    /// The faults in the order of the body; at most ``DefinitionReader/faultLimit`` and one that counts the rest.
    public let faults: [ValidationFault]
  }

  /// A list of steps, and its JSON text with the defaults filled in.
  struct StepList: Sendable {
    let steps: [StepDefinition]
    let text: [UInt8]
  }

  /// Reads a body. Steps that were found good before are not looked at again.
  /// - Returns: the workflow, and the JSON text of its steps with the defaults filled in.
  /// - Throws: every fault at once.
  public func read(_ body: JSONDocument) throws(Faults) -> (definition: WorkflowDefinition, steps: [UInt8]) {
    let source = Array(body.source(of: "steps") ?? [])
    let list = known.value(of: source)
    var reading = DefinitionReading(operations: operations)
    let definition = reading.body(body.value, knownSteps: list?.steps)
    guard reading.faults.isEmpty, let definition else { throw Faults(faults: listed(reading.faults)) }
    if let list { return (definition, list.text) }
    let text = JSONValue.array(definition.steps.map(\.json)).bytes
    known.keep(StepList(steps: definition.steps, text: text), of: source)
    return (definition, text)
  }

  private func listed(_ faults: [ValidationFault]) -> [ValidationFault] {
    guard faults.count > DefinitionReader.faultLimit else { return faults }
    let rest = faults.count - DefinitionReader.faultLimit
    return faults.prefix(DefinitionReader.faultLimit) + [
      ValidationFault("too_many_faults", [.key("body")], "and \(rest) more faults", input: .null)
    ]
  }
}

/// One pass over a body, which collects faults as it goes.
private struct DefinitionReading {
  let operations: [String: ParameterSchema]
  var faults: [ValidationFault] = []
  private let root: ValidationFault.Location = [.key("body")]

  init(operations: [String: ParameterSchema]) { self.operations = operations }

  mutating func body(_ value: JSONValue, knownSteps: [StepDefinition]?) -> WorkflowDefinition? {
    guard let object = value.objectValue else {
      let message = "Input should be a valid dictionary or object to extract fields from"
      faults.append(ValidationFault("model_attributes_type", root, message, input: value))
      return nil
    }
    refuseExtras(object, known: ["run_name", "inputs", "steps"], at: root)
    let name = runName(object)
    let inputs = self.object(object["inputs"], at: root + [.key("inputs")])
    let steps = knownSteps ?? self.steps(object)
    guard let name, let inputs, let steps else { return nil }
    return WorkflowDefinition(runName: name, inputs: inputs, steps: steps)
  }

  private mutating func refuseExtras(_ object: JSONObject, known: Set<String>, at place: ValidationFault.Location) {
    for member in object.members where !known.contains(member.key) {
      faults.append(.extraForbidden(place + [.key(member.key)], member.value))
    }
  }

  private mutating func required(
    _ key: String, of object: JSONObject, at place: ValidationFault.Location
  ) -> JSONValue? {
    if let value = object[key] { return value }
    faults.append(.missing(place + [.key(key)], in: .object(object)))
    return nil
  }

  private mutating func string(
    _ key: String, of object: JSONObject, at place: ValidationFault.Location
  ) -> String? {
    guard let value = required(key, of: object, at: place) else { return nil }
    if let text = value.stringValue { return text }
    faults.append(.stringType(place + [.key(key)], value))
    return nil
  }

  private mutating func runName(_ body: JSONObject) -> String? {
    guard let name = string("run_name", of: body, at: root) else { return nil }
    let limit = WorkflowDefinition.Limit.runNameScalars
    if name.unicodeScalars.count > limit {
      faults.append(.stringTooLong(root + [.key("run_name")], .string(name), limit: limit))
    }
    return name
  }

  private mutating func object(_ value: JSONValue?, at place: ValidationFault.Location) -> JSONObject? {
    guard let value else { return JSONObject() }
    if let object = value.objectValue { return object }
    faults.append(.objectType(place, value))
    return nil
  }

  private mutating func steps(_ body: JSONObject) -> [StepDefinition]? {
    guard let value = required("steps", of: body, at: root) else { return nil }
    let place = root + [.key("steps")]
    guard let elements = value.arrayValue else {
      faults.append(.arrayType(place, value))
      return nil
    }
    let limit = WorkflowDefinition.Limit.steps
    guard !elements.isEmpty else {
      faults.append(
        ValidationFault("too_short", place, "List should have at least 1 item after validation, not 0", input: value))
      return nil
    }
    guard elements.count <= limit else {
      let message = "List should have at most \(limit) items after validation, not \(elements.count)"
      faults.append(ValidationFault("too_long", place, message, input: value))
      return nil
    }
    let steps = elements.enumerated().map { step($1, at: place + [.index($0)]) }
    checkGraph(steps, at: place)
    return faults.isEmpty ? steps.compactMap { $0 } : nil
  }

  private mutating func step(_ value: JSONValue, at place: ValidationFault.Location) -> StepDefinition? {
    guard let object = value.objectValue else {
      faults.append(.objectType(place, value))
      return nil
    }
    refuseExtras(object, known: ["id", "op", "needs", "params"], at: place)
    let id = stepID(object, at: place)
    let schema = operation(object, at: place)
    let needs = self.needs(object["needs"], at: place + [.key("needs")])
    let params = self.object(object["params"], at: place + [.key("params")])
    if let schema, let params {
      faults += schema.schema.faults(in: params, at: place + [.key("params")])
    }
    guard let id else { return nil }
    // With faulty params the step is still there, for those that wait for it.
    let filled = params.flatMap { schema?.schema.fillingDefaults($0) } ?? params ?? JSONObject()
    return StepDefinition(id: id, op: schema?.name ?? "", needs: needs, params: filled)
  }

  private mutating func stepID(_ step: JSONObject, at place: ValidationFault.Location) -> String? {
    guard let id = string("id", of: step, at: place) else { return nil }
    let idPlace = place + [.key("id")]
    guard StepDefinition.isValidID(id) else {
      let message = "String should match pattern '\(StepDefinition.idPattern)'"
      faults.append(ValidationFault("string_pattern_mismatch", idPlace, message, input: .string(id)))
      return nil
    }
    if StepDefinition.reservedIDs.contains(id) {
      faults.append(.value(idPlace, .string(id), "\(id) is reserved: in references it names something else"))
    }
    return id
  }

  private mutating func operation(
    _ step: JSONObject, at place: ValidationFault.Location
  ) -> (name: String, schema: ParameterSchema)? {
    guard let name = string("op", of: step, at: place) else { return nil }
    if let schema = operations[name] { return (name, schema) }
    let known = operations.keys.sorted().map { "'\($0)'" }
    let list = known.count < 2 ? known.joined() : known.dropLast().joined(separator: ", ") + " or " + (known.last ?? "")
    faults.append(
      ValidationFault("literal_error", place + [.key("op")], "Input should be \(list)", input: .string(name)))
    return nil
  }

  private mutating func needs(_ value: JSONValue?, at place: ValidationFault.Location) -> [String] {
    guard let value else { return [] }
    guard let elements = value.arrayValue else {
      faults.append(.arrayType(place, value))
      return []
    }
    var needs: [String] = []
    for (index, element) in elements.enumerated() {
      if let id = element.stringValue {
        needs.append(id)
      } else {
        faults.append(.stringType(place + [.index(index)], element))
      }
    }
    return needs
  }

  // MARK: The graph

  private mutating func checkGraph(_ steps: [StepDefinition?], at place: ValidationFault.Location) {
    var positions: [String: Int] = [:]
    for (index, step) in steps.enumerated() {
      guard let step else { continue }
      if let first = positions[step.id] {
        faults.append(.value(place + [.index(index), .key("id")], .string(step.id), "step \(first) has this id too"))
      } else {
        positions[step.id] = index
      }
    }
    for (index, step) in steps.enumerated() {
      guard let step else { continue }
      checkDependencies(of: step, known: positions, at: place + [.index(index)])
    }
    // Where a step could not be read, those that wait for it only look wrong: cycles are still real.
    let graph = StepGraph(steps.map { ($0?.id ?? "", $0?.dependencies ?? []) })
    for cycle in graph.cycles() {
      let way = cycle.map { graph.ids[$0] }.joined(separator: " -> ")
      let needs = place + [.index(cycle[0]), .key("needs")]
      faults.append(.value(needs, .string(way), "the steps wait for each other: \(way)"))
    }
  }

  private mutating func checkDependencies(
    of step: StepDefinition, known: [String: Int], at place: ValidationFault.Location
  ) {
    for (index, need) in step.needs.enumerated() where known[need] == nil {
      faults.append(.value(place + [.key("needs"), .index(index)], .string(need), "there is no step \(need)"))
    }
    checkReferences(in: .object(step.params), known: known, at: place + [.key("params")])
  }

  private mutating func checkReferences(
    in value: JSONValue, known: [String: Int], at place: ValidationFault.Location
  ) {
    switch value {
    case .null, .bool, .number: break
    case .array(let elements):
      for (index, element) in elements.enumerated() {
        checkReferences(in: element, known: known, at: place + [.index(index)])
      }
    case .object(let object):
      for member in object.members { checkReferences(in: member.value, known: known, at: place + [.key(member.key)]) }
    case .string(let text):
      guard case .reference(let reference) = Reference.read(text), let needed = reference.step, known[needed] == nil
      else { return }
      faults.append(.value(place, value, "there is no step \(needed) for \(reference.text)"))
    }
  }
}

import ExactJSON

/// Checks what the steps of a body say of each other: ids that come twice, unknown steps, cycles.
struct GraphCheck {
  private let steps: [DefinitionReading.ReadStep?]
  private let place: ValidationFault.Location
  private var positions: [String: Int] = [:]

  /// - Parameter steps: the steps by position; nil where one could not be read.
  init(_ steps: [DefinitionReading.ReadStep?], at place: ValidationFault.Location) {
    self.steps = steps
    self.place = place
  }

  /// Adds every fault that is found.
  mutating func run(_ faults: inout FaultList) {
    findPositions(&faults)
    for (index, step) in steps.enumerated() {
      if let step { checkDependencies(of: step, at: place + [.index(index)], &faults) }
    }
    // Where a step could not be read, those that wait for it only look wrong: cycles are still real.
    let graph = StepGraph(steps.map { ($0?.definition.id ?? "", $0?.references.dependencies ?? []) })
    for cycle in graph.cycles() {
      // As many ids as a message holds.
      let way = cycle.prefix(500).map { graph.ids[$0] }.joined(separator: " -> ")
      let needs = place + [.index(cycle[0]), .key("needs")]
      faults.add(.value(needs, .string(way), "the steps wait for each other: \(way)"))
    }
  }

  private mutating func findPositions(_ faults: inout FaultList) {
    for (index, step) in steps.enumerated() {
      guard let id = step?.definition.id else { continue }
      if let first = positions[id] {
        faults.add(.value(place + [.index(index), .key("id")], .string(id), "step \(first) has this id too"))
      } else {
        positions[id] = index
      }
    }
  }

  private func checkDependencies(
    of step: DefinitionReading.ReadStep, at place: ValidationFault.Location, _ faults: inout FaultList
  ) {
    if step.references.dependencies.allSatisfy({ positions[$0.step] != nil }) { return }
    for (need, position) in zip(step.definition.needs, step.needPositions) where positions[need.step] == nil {
      faults.add(.unknownStep(need.step, place + [.key("needs"), .index(position)], need.json))
    }
    var paramsPlace = place + [.key("params")]
    checkReferences(in: .object(step.definition.params), at: &paramsPlace, &faults)
    if let foreach = step.definition.options.foreach {
      var arrayPlace = place + [.key("foreach")]
      checkReferences(in: foreach.array, at: &arrayPlace, &faults)
    }
    guard let condition = step.definition.options.condition else { return }
    var conditionPlace = place + [.key("when")]
    checkReferences(in: condition, at: &conditionPlace, &faults)
  }

  private func checkReferences(
    in value: JSONValue, at place: inout ValidationFault.Location, _ faults: inout FaultList
  ) {
    value.walk(at: &place) { text, place in
      text.forEachMention { mention in
        guard case .step(let id) = mention.root, positions[id] == nil else { return }
        faults.add(.value(place, .string(text), "there is no step \(id) for \(mention.text.cut(toBytes: 200))"))
      }
    }
  }
}

extension JSONValue {
  /// Calls a function with every string of the value, at any depth, and with its place.
  /// - Parameter place: the place of the value; it is the same afterwards.
  func walk(
    at place: inout ValidationFault.Location, _ body: (String, ValidationFault.Location) -> Void
  ) {
    switch self {
    case .string(let text): body(text, place)
    case .array(let elements):
      for (index, element) in elements.enumerated() {
        place.append(.index(index))
        element.walk(at: &place, body)
        place.removeLast()
      }
    case .object(let object):
      for member in object.members {
        place.append(.key(member.key))
        member.value.walk(at: &place, body)
        place.removeLast()
      }
    case .null, .bool, .number: break
    }
  }
}

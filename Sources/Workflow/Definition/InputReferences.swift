import ExactJSON

/// Refuses at submission a reference to an input that the run does not have: the inputs are all there by then.
///
/// The check is cheap and may miss: a bounded number of references is followed. The worker fails the step of another
/// one.
enum InputReferences {
  private static let mostFollowed = 2_000

  /// Adds a fault for each reference that leads nowhere, naming what is there.
  static func check(_ list: DefinitionReader.StepList, inputs: JSONObject, _ faults: inout FaultList) {
    let scope = ReferenceScope(inputs: inputs)
    var left = mostFollowed
    for (index, count) in list.inputReferences.enumerated() where count > 0 && left > 0 {
      let step: ValidationFault.Location = [.key("body"), .key("steps"), .index(index)]
      func check(_ text: String, at place: ValidationFault.Location) {
        text.forEachMention { mention in
          guard left > 0, mention.root == .inputs else { return }
          left -= 1
          guard let reference = mention.reference, let problem = scope.problem(of: reference) else { return }
          faults.add(.value(place, .string(text), problem.message))
        }
      }
      var place = step + [.key("params")]
      JSONValue.object(list.steps[index].params).walk(at: &place) { check($0, at: $1) }
      var arrayPlace = step + [.key("foreach")]
      list.steps[index].options.foreach?.array.walk(at: &arrayPlace) { check($0, at: $1) }
      let condition = list.steps[index].options.condition.flatMap(Condition.init(json:))
      condition?.forEachComparedValue { value in value.forEachString { check($0, at: step + [.key("when")]) } }
    }
  }
}

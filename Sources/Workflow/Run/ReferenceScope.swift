public import ExactJSON

/// What the references of a run can reach: its inputs, and the outputs of the steps that are done.
public struct ReferenceScope: Sendable {
  /// The run's inputs.
  public let inputs: JSONObject
  /// Outputs by step id.
  public private(set) var outputs: [String: JSONObject]

  /// A scope at the start of a run, or where one is taken up again.
  public init(inputs: JSONObject, outputs: [String: JSONObject] = [:]) {
    self.inputs = inputs
    self.outputs = outputs
  }

  /// Adds what a step returned.
  public mutating func add(_ stepOutputs: JSONObject, of step: String) { outputs[step] = stepOutputs }

  /// The parameters of a step with every reference replaced by its value and every `@@` by `@`.
  ///
  /// A value that a reference brings in is data: a text in it that looks like a reference stays as it is.
  /// - Throws: `reference_missing`, naming the reference and what is there instead.
  public func resolve(_ params: JSONObject) throws(StepFailure) -> JSONObject {
    var members: [(key: String, value: JSONValue)] = []
    members.reserveCapacity(params.count)
    for member in params.members { members.append((member.key, try resolve(member.value))) }
    return JSONObject(members)
  }

  private func resolve(_ value: JSONValue) throws(StepFailure) -> JSONValue {
    switch value {
    case .null, .bool, .number: return value
    case .array(let elements):
      var resolved: [JSONValue] = []
      resolved.reserveCapacity(elements.count)
      for element in elements { resolved.append(try resolve(element)) }
      return .array(resolved)
    case .object(let object): return .object(try resolve(object))
    case .string(let text):
      switch Reference.read(text) {
      case .literal(let literal): return .string(literal)
      case .reference(let reference): return try lookUp(reference)
      case .malformed:
        throw StepFailure(.referenceMissing, "\(text) is not a reference; write @\(text) for a text that starts with @")
      }
    }
  }

  private func lookUp(_ reference: Reference) throws(StepFailure) -> JSONValue {
    var value = try root(of: reference)
    for component in reference.path {
      guard let next = ReferenceScope.step(into: value, component) else {
        throw missing(reference, at: component, in: value)
      }
      value = next
    }
    return value
  }

  private func root(of reference: Reference) throws(StepFailure) -> JSONValue {
    switch reference.root {
    case .inputs: return .object(inputs)
    case .step(let id):
      if let outputs = outputs[id] { return .object(outputs) }
      throw StepFailure(.referenceMissing, "\(reference.text): step \(id) has no outputs")
    case .item:
      throw StepFailure(.referenceMissing, "\(reference.text): there is no item at hand")
    }
  }

  private static func step(into value: JSONValue, _ component: Reference.Component) -> JSONValue? {
    switch (component, value) {
    case (.key(let key), .object(let object)): object[key]
    // Not `nil`, which would be JSON's null here.
    case (.index(let index), .array(let elements)): elements.indices.contains(index) ? elements[index] : .none
    default: nil
    }
  }

  private func missing(
    _ reference: Reference, at component: Reference.Component, in value: JSONValue
  ) -> StepFailure {
    let wanted =
      switch component {
      case .key(let key): "no key \(key)"
      case .index(let index): "no element [\(index)]"
      }
    let present =
      switch value {
      case .object(let object): "the keys there: \(ReferenceScope.list(object.members.map(\.key)))"
      case .array(let elements): "an array of \(elements.count) is there"
      default: "a \(value.typeName) is there"
      }
    return StepFailure(.referenceMissing, "\(reference.text): \(wanted); \(present)")
  }

  private static func list(_ keys: [String]) -> String {
    if keys.isEmpty { return "none" }
    return keys.prefix(20).joined(separator: ", ") + (keys.count > 20 ? ", …" : "")
  }
}

public import ExactJSON

extension StepDefinition {
  /// The step as wf stores it: `{"id","op","needs","params"}`.
  public var json: JSONValue {
    .object([
      "id": .string(id), "op": .string(op), "needs": .array(needs.map(JSONValue.string)), "params": .object(params),
    ])
  }

  /// Reads a step that wf stored; nil when the shape is not the one that ``json`` writes.
  public init?(json: JSONValue) {
    guard let object = json.objectValue,
      let id = object["id"]?.stringValue, let op = object["op"]?.stringValue,
      let needs = object["needs"]?.arrayValue, let params = object["params"]?.objectValue
    else { return nil }
    self.init(id: id, op: op, needs: needs.compactMap(\.stringValue), params: params)
  }
}

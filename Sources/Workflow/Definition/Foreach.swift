public import ExactJSON

/// The `foreach` of a step: it runs once per item of an array.
public struct Foreach: Sendable, Equatable {
  /// The array: a reference to one, or an array whose elements may have references.
  public let array: JSONValue
  /// How many items are in flight at most.
  public var concurrency = defaultConcurrency
  /// Whether the failure of an item is kept beside the outputs of the others; if not, it fails the step.
  public var keepsErrors = false

  /// How many items are in flight where a step does not say it.
  public static let defaultConcurrency = 10
  /// The largest `concurrency`.
  public static let mostConcurrency = 1_000
  /// Items of a step at most, unless the service says otherwise (`WF_MAX_ITEMS`).
  public static let defaultMaxItems = 10_000

  /// A step that runs over an array.
  public init(_ array: JSONValue) { self.array = array }
}

extension Foreach {
  /// The fields of a step that say it.
  static let fields = ["foreach", "concurrency", "on_item_error"]

  /// Reads what a step says; nil where it has no `foreach`.
  init?(_ step: JSONObject, at place: ValidationFault.Location, _ faults: inout FaultList) {
    guard let array = step["foreach"] else {
      for name in Foreach.fields.dropFirst() {
        guard let value = step[name] else { continue }
        faults.add(.value(place + [.key(name)], value, "only a step with foreach has it"))
      }
      return nil
    }
    self.init(array)
    var arrayPlace = place + [.key("foreach")]
    Foreach.check(array, at: &arrayPlace, &faults)
    if let value = step["concurrency"] {
      let kind = ParameterSchema.Kind.integer(1...Foreach.mostConcurrency)
      if let fault = kind.fault(in: value, at: place + [.key("concurrency")]) { faults.add(fault) }
      concurrency = value.numberValue?.int ?? concurrency
    }
    if let value = step["on_item_error"] {
      let kind = ParameterSchema.Kind.oneOf(["fail", "keep"])
      if let fault = kind.fault(in: value, at: place + [.key("on_item_error")]) { faults.add(fault) }
      keepsErrors = value.stringValue == "keep"
    }
  }

  private static func check(_ array: JSONValue, at place: inout ValidationFault.Location, _ faults: inout FaultList) {
    switch array {
    case .array: ReferenceCheck.check(array, at: &place, &faults)
    case .string(let text):
      switch Reference.read(text) {
      case .reference, .malformed: ReferenceCheck.check(array, at: &place, &faults)
      case .literal, .template: faults.add(.value(place, array, "an array, or a reference to one, is expected"))
      }
    default: faults.add(.value(place, array, "an array, or a reference to one, is expected"))
    }
  }

  /// The fields as wf stores them in a step.
  func write(to step: inout JSONObject) {
    step["foreach"] = array
    step["concurrency"] = .number(JSONNumber(concurrency))
    if keepsErrors { step["on_item_error"] = "keep" }
  }

  /// Reads what ``write(to:)`` writes; nil for a step that has none.
  init?(stored step: JSONObject) {
    guard let array = step["foreach"] else { return nil }
    self.init(array)
    concurrency = step["concurrency"]?.numberValue?.int ?? concurrency
    keepsErrors = step["on_item_error"] == "keep"
  }
}

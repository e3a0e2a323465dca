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
  /// Reads what a step says; nil where it has no `foreach`.
  init?(_ step: JSONObject, at place: ValidationFault.Location, _ faults: inout FaultList) {
    guard let array = step[StepField.foreach.name] else {
      for field in [StepField.concurrency, StepField.itemError] {
        guard let value = step[field.name] else { continue }
        faults.add(.value(place + [.key(field.name)], value, "only a step with foreach has it"))
      }
      return nil
    }
    self.init(array)
    var arrayPlace = place + [.key(StepField.foreach.name)]
    Foreach.check(array, at: &arrayPlace, &faults)
    concurrency = StepField.concurrency.read(step, at: place, &faults)?.numberValue?.int ?? concurrency
    keepsErrors = StepField.itemError.read(step, at: place, &faults)?.stringValue == "keep"
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

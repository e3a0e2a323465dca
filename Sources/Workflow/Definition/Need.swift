public import ExactJSON

/// A step that another one waits for, and how it must have ended for that one to start.
public struct Need: Sendable, Equatable {
  /// How a step must have ended.
  public enum Trigger: String, Sendable, Equatable, CaseIterable {
    /// It has succeeded or was skipped.
    case done
    /// It has failed, or could not start because another step had failed.
    case failed
    /// It has ended, in whatever way.
    case any
  }

  /// The id of the step that is waited for.
  public let step: String
  /// How it must have ended.
  public let trigger: Trigger

  /// A need for a step to have ended in a certain way.
  public init(_ step: String, on trigger: Trigger = .done) {
    self.step = step
    self.trigger = trigger
  }

  /// An entry of `needs`: the step's id, or `{"step": id, "on": trigger}`.
  public var json: JSONValue {
    trigger == .done ? .string(step) : ["step": .string(step), "on": .string(trigger.rawValue)]
  }

  /// Reads what ``json`` writes; nil when it has another shape.
  public init?(json: JSONValue) {
    if let step = json.stringValue {
      self.init(step)
      return
    }
    guard let object = json.objectValue, let step = object["step"]?.stringValue,
      let trigger = object["on"]?.stringValue.flatMap(Trigger.init)
    else { return nil }
    self.init(step, on: trigger)
  }
}

extension Need: ExpressibleByStringLiteral {
  /// A need for a step to be done.
  public init(stringLiteral step: String) { self.init(step) }
}

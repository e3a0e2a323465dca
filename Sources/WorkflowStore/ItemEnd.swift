public import ExactJSON
public import Workflow

/// How an item of a step with `foreach` has ended.
public enum ItemEnd: Sendable, Equatable {
  /// With these outputs.
  case outputs(JSONObject)
  /// It has failed, and is not attempted again.
  case failed(StepFailure)

  /// As it lies in the run's outputs: an object, or `[error_code, error]`.
  public var json: JSONValue {
    switch self {
    case .outputs(let outputs): .object(outputs)
    case .failed(let failure): [.string(failure.code.rawValue), .string(failure.message)]
    }
  }

  /// Reads what ``json`` writes; nil when it has another shape.
  init?(json: JSONValue) {
    if let outputs = json.objectValue {
      self = .outputs(outputs)
      return
    }
    let words = json.arrayValue?.compactMap(\.stringValue) ?? []
    guard words.count == 2, let code = ErrorCode(rawValue: words[0]) else { return nil }
    self = .failed(StepFailure(code, words[1]))
  }
}

/// A step, an item of a step with `foreach`, or a part of either that its operation records while it runs.
public struct StepUnit: Sendable, Hashable {
  /// The step's id.
  public let step: String
  /// The item's position, from 0; nil for a step that runs once.
  public let item: Int?
  /// The number of the part, from 0; nil for all of it.
  public let part: Int?

  /// A step, or one of its items, or a part of it.
  public init(_ step: String, item: Int? = nil, part: Int? = nil) {
    self.step = step
    self.item = item
    self.part = part
  }

  /// The name of what is recorded of it: `{step}`, `{step}:{item}` or `{step}:{item}:{part}`. No step's id has a colon.
  /// A part of a step that runs once is named as an item is; whether the step has `foreach` distinguishes them.
  public var name: String { [item, part].compactMap(\.self).reduce(step) { "\($0):\($1)" } }

  /// Reads a name.
  public init(name: some StringProtocol) {
    let words = name.split(separator: ":", omittingEmptySubsequences: false)
    let numbers = words.dropFirst().compactMap { Int($0) }
    guard (2...3).contains(words.count), numbers.count == words.count - 1 else {
      self.init(String(name))
      return
    }
    self.init(String(words[0]), item: numbers[0], part: numbers.count > 1 ? numbers[1] : nil)
  }
}

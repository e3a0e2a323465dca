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

/// A step, or an item of a step with `foreach`.
public struct StepUnit: Sendable, Hashable {
  /// The step's id.
  public let step: String
  /// The item's position, from 0; nil for a step that runs once.
  public let item: Int?

  /// A step, or one of its items.
  public init(_ step: String, item: Int? = nil) {
    self.step = step
    self.item = item
  }

  /// The name of what is recorded of it: `{step}` or `{step}:{item}`. No step's id has a colon.
  public var name: String { item.map { "\(step):\($0)" } ?? step }

  /// Reads a name.
  public init(name: some StringProtocol) {
    guard let colon = name.lastIndex(of: ":"), let item = Int(name[name.index(after: colon)...]) else {
      self.init(String(name))
      return
    }
    self.init(String(name[..<colon]), item: item)
  }
}

public import ExactJSON

/// The `retry` of a step: how often, when and after which failures it is attempted again.
public struct RetryOptions: Sendable, Equatable {
  /// As it was written; its members are valid.
  public let json: JSONObject

  /// Reads what wf stored.
  public init(json: JSONObject) { self.json = json }

  /// Reads what a body says.
  /// - Parameter place: where it is.
  init?(_ value: JSONValue, at place: ValidationFault.Location, _ faults: inout FaultList) {
    guard let object = value.objectValue else {
      faults.add(.objectType(place, value))
      return nil
    }
    Field.refuseOthers(object, RetryField.names, at: place, &faults)
    for field in RetryField.all { _ = field.read(object, at: place, &faults) }
    Self.checkCodes(object["on"], at: place + [.key("on")], &faults)
    if let delay = object["delay_s"]?.numberValue?.double, let longest = object["max_delay_s"]?.numberValue?.double,
      delay > longest
    {
      faults.add(.value(place + [.key("delay_s")], object["delay_s"] ?? .null, "it is above max_delay_s"))
    }
    json = object
  }

  /// The failures that a step can be attempted again after.
  static let codes = ErrorCode.allCases.filter { ![.workerCrashed, .invalidRequest].contains($0) }

  private static let codeNames = ParameterSchema.Kind.alternatives(codes.map(\.rawValue))

  private static func checkCodes(
    _ value: JSONValue?, at place: ValidationFault.Location, _ faults: inout FaultList
  ) {
    guard let value else { return }
    guard let elements = value.arrayValue else {
      faults.add(.arrayType(place, value))
      return
    }
    guard (1...codes.count).contains(elements.count) else {
      faults.add(.wrongCount(place, value, elements.count, limit: codes.count))
      return
    }
    for (index, element) in elements.enumerated() {
      guard let name = element.stringValue else {
        faults.add(.stringType(place + [.index(index)], element))
        continue
      }
      if !codes.contains(where: { $0.rawValue.hasSameScalars(as: name) }) {
        faults.add(.notOneOf(place + [.index(index)], element, codeNames))
      }
    }
  }

  /// The policy: what is not said here is as in another one, or where that one allows one attempt only, as in the
  /// default policy.
  public func policy(over base: RetryPolicy) -> RetryPolicy {
    var policy = base == .none ? RetryPolicy() : base
    if let count = json["max_attempts"]?.numberValue?.int { policy.maxAttempts = count }
    if let delay = seconds("delay_s") { policy.delay = delay }
    if let factor = json["multiplier"]?.numberValue?.double { policy.multiplier = factor }
    // A first wait above the largest one that is only a default widens that.
    policy.maxDelay = seconds("max_delay_s") ?? max(policy.maxDelay, policy.delay)
    if let total = seconds("total_s") { policy.total = total }
    if case .bool(let jitter)? = json["jitter"] { policy.hasJitter = jitter }
    if let codes = json["on"]?.arrayValue {
      policy.codes = Set(codes.compactMap { $0.stringValue.flatMap(ErrorCode.init) })
    }
    return policy
  }

  private func seconds(_ name: String) -> Duration? { json[name]?.numberValue.map { .seconds($0.double) } }
}

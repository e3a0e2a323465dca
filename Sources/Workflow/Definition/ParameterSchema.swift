public import ExactJSON

/// The parameters of one operation: their names, types, bounds and defaults.
///
/// A reference may stand wherever a value may; what it brings is checked when it is resolved.
public struct ParameterSchema: Sendable, Equatable {
  /// What a parameter's value must be.
  public enum Kind: Sendable, Equatable {
    /// Any JSON.
    case any
    /// A text of at most so many Unicode scalars.
    case string(maxScalars: Int = .max)
    /// A whole number in a range.
    case integer(ClosedRange<Int>)
    /// A number in a range.
    case number(ClosedRange<Double>)
  }

  /// One parameter.
  public struct Parameter: Sendable, Equatable {
    /// Its key in `params`.
    public let name: String
    /// What its value must be.
    public let kind: Kind
    /// What stands in when it is absent; nil where absence means something of its own.
    public let defaultValue: JSONValue?

    /// A parameter that may be left out.
    public init(_ name: String, _ kind: Kind, default defaultValue: JSONValue? = nil) {
      self.name = name
      self.kind = kind
      self.defaultValue = defaultValue
    }
  }

  /// The parameters in the order in which they are documented.
  public let parameters: [Parameter]

  /// A schema of these parameters; any other is refused.
  public init(_ parameters: [Parameter]) { self.parameters = parameters }

  /// The params with the default of every absent parameter appended.
  public func fillingDefaults(_ params: JSONObject) -> JSONObject {
    var filled = params
    for parameter in parameters where params[parameter.name] == nil {
      if let value = parameter.defaultValue { filled[parameter.name] = value }
    }
    return filled
  }

  /// Every fault of a step's params as they were written.
  public func faults(in params: JSONObject, at location: ValidationFault.Location) -> [ValidationFault] {
    params.members.flatMap { member -> [ValidationFault] in
      let place = location + [.key(member.key)]
      guard let parameter = parameters.first(where: { $0.name == member.key }) else {
        return [.extraForbidden(place, member.value)]
      }
      return ReferenceCheck.faults(in: member.value, at: place)
        + parameter.kind.faults(in: member.value, at: place)
    }
  }

  /// Checks params whose references have been resolved.
  /// - Throws: `operation_failed`, naming the first parameter whose value does not fit.
  public func check(resolved params: JSONObject) throws(StepFailure) {
    for parameter in parameters {
      guard let value = params[parameter.name] else { continue }
      if let fault = parameter.kind.resolvedFault(in: value, at: [.key(parameter.name)]) {
        let found =
          fault.isTypeFault ? ", not \(ParameterSchema.article(value))" : "; it is \(ParameterSchema.excerpt(value))"
        throw StepFailure(.operationFailed, "\(parameter.name): \(fault.message)\(found)")
      }
    }
  }

  /// A text or a number as JSON, cut where it is long.
  private static func excerpt(_ value: JSONValue) -> String {
    if let text = value.stringValue { return JSONValue.string(text.cut(toBytes: 100)).text }
    return value.numberValue?.text.cut(toBytes: 100) ?? value.typeName
  }

  private static func article(_ value: JSONValue) -> String {
    let name = value.typeName
    return name == "null" ? name : ("aeiou".contains(name.prefix(1)) ? "an \(name)" : "a \(name)")
  }
}

extension ParameterSchema.Kind {
  /// Faults of a value as it was written, where a reference may stand for any type.
  func faults(in value: JSONValue, at place: ValidationFault.Location) -> [ValidationFault] {
    if case .string(let text) = value {
      switch Reference.read(text) {
      case .reference, .malformed: return []
      case .literal(let literal): return resolvedFault(in: .string(literal), at: place).map { [$0] } ?? []
      }
    }
    return resolvedFault(in: value, at: place).map { [$0] } ?? []
  }

  /// The fault of a value that stands for itself.
  func resolvedFault(in value: JSONValue, at place: ValidationFault.Location) -> ValidationFault? {
    switch self {
    case .any: return nil
    case .string(let limit):
      guard let text = value.stringValue else { return .stringType(place, value) }
      return text.unicodeScalars.count > limit ? .stringTooLong(place, value, limit: limit) : nil
    case .integer(let range):
      guard let number = value.numberValue, let integer = number.int else { return .integerType(place, value) }
      return range.contains(integer) ? nil : .outOfRange(place, value, "\(range.lowerBound)", "\(range.upperBound)")
    case .number(let range):
      guard let number = value.numberValue else { return .numberType(place, value) }
      return range.contains(number.double)
        ? nil : .outOfRange(place, value, "\(range.lowerBound)", "\(range.upperBound)")
    }
  }
}

/// Finds the references of a value that can never be resolved.
enum ReferenceCheck {
  /// Malformed references and uses of `@item`, at any depth.
  static func faults(in value: JSONValue, at place: ValidationFault.Location) -> [ValidationFault] {
    switch value {
    case .null, .bool, .number: return []
    case .array(let elements):
      return elements.enumerated().flatMap { faults(in: $1, at: place + [.index($0)]) }
    case .object(let object):
      return object.members.flatMap { faults(in: $0.value, at: place + [.key($0.key)]) }
    case .string(let text):
      switch Reference.read(text) {
      case .literal: return []
      case .malformed:
        return [
          .value(place, value, "not a reference such as @step.output; write @@ for a text that starts with @")
        ]
      case .reference(let reference):
        guard case .item = reference.root else { return [] }
        return [.value(place, value, "there is no item here: @item is for steps that run once per item")]
      }
    }
  }
}

public import ExactJSON

/// The parameters of one operation: their names, types, bounds and defaults.
///
/// A reference is allowed wherever a value is; its value is checked when it is resolved.
public struct ParameterSchema: Sendable, Equatable {
  /// What a parameter's value must be.
  public enum Kind: Sendable, Equatable {
    /// Any JSON.
    case any
    /// A text of at most this number of Unicode scalars.
    case string(maxScalars: Int = .max)
    /// A whole number in a range.
    case integer(ClosedRange<Int>)
    /// A number in a range.
    case number(ClosedRange<Double>)
    /// One of these texts.
    case oneOf([String])
    /// `true` or `false`.
    case boolean
    /// An array of any values.
    case array
    /// An object of any members.
    case object
    /// A value of a kind of text, or an array of different ones, from one to this number.
    indirect case oneOrMore(Kind, atMost: Int)
    /// A value of a kind that a function accepts. It may be secret, so no failure of a step repeats it.
    indirect case checked(Kind, ValueCheck)
  }

  /// One parameter.
  ///
  /// Every parameter may be left out. One that a step needs has a reference as its default, such as `@inputs.text`:
  /// without that input the submission is refused.
  public struct Parameter: Sendable, Equatable {
    /// Its key in `params`.
    public let name: String
    /// What its value must be.
    public let kind: Kind
    /// The default; nil where absence has a separate meaning.
    public let defaultValue: JSONValue?
    /// The setting by which the operator chooses what the value must be; it is named where a value does not fit.
    public let setting: String?
    /// Whether a step must give it.
    public let isRequired: Bool
    /// What it means, for the OpenAPI document: a part of a sentence, in Markdown.
    public let summary: String

    /// A parameter that may be left out.
    public init(
      _ name: String, _ kind: Kind, default defaultValue: JSONValue? = nil, setting: String? = nil,
      summary: String = ""
    ) {
      self.name = name
      self.kind = kind
      self.defaultValue = defaultValue
      self.setting = setting
      self.summary = summary
      isRequired = false
    }

    /// A parameter that a step must give.
    public init(required name: String, _ kind: Kind, summary: String = "") {
      self.name = name
      self.kind = kind
      self.summary = summary
      defaultValue = nil
      setting = nil
      isRequired = true
    }

    /// The fault of a value that is no reference.
    func fault(in value: JSONValue, at place: ValidationFault.Location) -> ValidationFault? {
      guard let fault = kind.fault(in: value, at: place) else { return nil }
      return setting.map { fault.adding("(\($0))") } ?? fault
    }
  }

  /// The parameters in the order in which they are documented.
  public let parameters: [Parameter]
  /// What holds between them.
  public let rules: [Rule]

  /// A schema of these parameters; any other is refused.
  public init(_ parameters: [Parameter], rules: [Rule] = []) {
    self.parameters = parameters
    self.rules = rules
  }

  /// The params with the default of every absent parameter appended.
  public func fillingDefaults(_ params: JSONObject) -> JSONObject {
    var filled = params
    for parameter in parameters where params[parameter.name] == nil {
      if let value = parameter.defaultValue { filled[parameter.name] = value }
    }
    return filled
  }

  /// Every fault of a step's params as they were written, as many as an answer holds.
  public func faults(in params: JSONObject, at location: ValidationFault.Location) -> [ValidationFault] {
    var faults = FaultList()
    check(params, at: location, &faults)
    return faults.all
  }

  /// Adds the faults of a step's params as they were written.
  /// - Parameter hasItem: whether the step runs once per item.
  func check(
    _ params: JSONObject, at location: ValidationFault.Location, hasItem: Bool = false, _ faults: inout FaultList
  ) {
    var place = location
    var known: [String]? = parameters.map(\.name)
    for member in params.members {
      place.append(.key(member.key))
      defer { place.removeLast() }
      guard let parameter = parameters.first(where: { member.key.hasSameScalars(as: $0.name) }) else {
        let found = place
        faults.add(.extraForbidden(found, member.value, known: known))
        known = nil
        continue
      }
      ReferenceCheck.check(member.value, at: &place, hasItem: hasItem, &faults)
      if let fault = Reference.fault(in: member.value, of: parameter, at: place) { faults.add(fault) }
    }
    for parameter in parameters where parameter.isRequired && params[parameter.name] == nil {
      faults.add(.missing(location + [.key(parameter.name)], in: .object(params)))
    }
    for rule in rules {
      if let broken = rule.broken(by: params) {
        faults.add(.value(location + [.key(broken.parameter)], params[broken.parameter] ?? .null, broken.message))
      }
    }
  }

  /// Checks params whose references have been resolved.
  /// - Throws: `operation_failed`, naming the first parameter whose value does not fit.
  public func check(resolved params: JSONObject) throws(StepFailure) {
    for index in parameters.indices {
      guard let value = params[parameters[index].name] else {
        if !parameters[index].isRequired { continue }
        throw StepFailure(.operationFailed, "\(parameters[index].name) is missing")
      }
      if let fault = parameters[index].fault(in: value, at: []) {
        // Of an array it may be an element.
        let value = fault.location.isEmpty ? value : fault.input
        let found =
          fault.isTypeFault
          ? ", not \(ParameterSchema.article(value))"
          : parameters[index].kind.mayBeSecret ? "" : "; it is \(ParameterSchema.excerpt(value))"
        throw StepFailure(.operationFailed, "\(parameters[index].name): \(fault.message)\(found)")
      }
    }
    for rule in rules {
      if let broken = rule.broken(by: params) {
        throw StepFailure(.operationFailed, "\(broken.parameter): \(broken.message)")
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
  /// The fault of a value that is no reference.
  func fault(in value: JSONValue, at place: ValidationFault.Location) -> ValidationFault? {
    switch self {
    case .any: return nil
    case .string(let limit):
      guard let text = value.stringValue else { return .stringType(place, value) }
      // A scalar has a byte or more.
      let isTooLong = text.utf8.count > limit && text.unicodeScalars.count > limit
      return isTooLong ? .stringTooLong(place, value, limit: limit) : nil
    case .integer(let range):
      guard let number = value.numberValue, let integer = number.int else { return .integerType(place, value) }
      return range.contains(integer) ? nil : .outOfRange(place, value, "\(range.lowerBound)", "\(range.upperBound)")
    case .number(let range):
      guard let number = value.numberValue else { return .numberType(place, value) }
      return range.contains(number.double)
        ? nil : .outOfRange(place, value, "\(range.lowerBound)", "\(range.upperBound)")
    case .oneOf(let texts):
      guard let text = value.stringValue else { return .stringType(place, value) }
      return texts.contains(where: text.hasSameScalars)
        ? nil : .notOneOf(place, value, ParameterSchema.Kind.alternatives(texts))
    case .boolean: return value.boolValue == nil ? .booleanType(place, value) : nil
    case .array: return value.arrayValue == nil ? .arrayType(place, value) : nil
    case .object: return value.objectValue == nil ? .objectType(place, value) : nil
    case .oneOrMore(let kind, let limit):
      guard let elements = value.arrayValue else { return kind.fault(in: value, at: place) }
      return ParameterSchema.Kind.fault(in: elements, atMost: limit, at: place) { kind.fault(in: $0, at: $1) }
    case .checked(let kind, let check):
      return kind.fault(in: value, at: place) ?? check.problem(value).map { .value(place, value, $0) }
    }
  }

  /// The first fault of an array of different elements, from one to a limit.
  /// - Parameter elementFault: the fault of an element.
  fileprivate static func fault(
    in elements: [JSONValue], atMost limit: Int, at place: ValidationFault.Location,
    _ elementFault: (JSONValue, ValidationFault.Location) -> ValidationFault?
  ) -> ValidationFault? {
    guard (1...limit).contains(elements.count) else {
      return .wrongCount(place, .array(elements), elements.count, limit: limit)
    }
    for (index, element) in elements.enumerated() {
      let place = place + [.index(index)]
      if let fault = elementFault(element, place) { return fault }
      if elements[..<index].contains(element) { return .value(place, element, "it is in the list already") }
    }
    return nil
  }

  fileprivate var mayBeSecret: Bool { if case .checked = self { true } else { false } }

  /// Texts as a sentence lists them: `'a', 'b' or 'c'`.
  static func alternatives(_ texts: [String]) -> String {
    let quoted = texts.map { "'\($0)'" }
    guard let last = quoted.last, quoted.count > 1 else { return quoted.joined() }
    return quoted.dropLast().joined(separator: ", ") + " or " + last
  }
}

extension Reference {
  /// The fault of a parameter as it was written, as far as it is known before references are resolved.
  fileprivate static func fault(
    in value: JSONValue, of parameter: ParameterSchema.Parameter, at place: ValidationFault.Location
  ) -> ValidationFault? {
    guard case .string(let text) = value else { return elementFault(in: value, of: parameter, at: place) }
    switch read(text) {
    case .literal(let literal): return parameter.fault(in: .string(literal), at: place)
    case .template:
      // It becomes a string, whatever it brings.
      let fault = parameter.fault(in: value, at: place)
      return fault?.isTypeFault == true ? fault?.adding("(only a reference such as @step.output brings one)") : nil
    case .reference, .malformed: return nil
    }
  }
}

extension Reference {
  /// The same of a value that is no text: the elements of an array of texts may be references, too.
  private static func elementFault(
    in value: JSONValue, of parameter: ParameterSchema.Parameter, at place: ValidationFault.Location
  ) -> ValidationFault? {
    guard case .oneOrMore(let kind, let limit) = parameter.kind, let elements = value.arrayValue else {
      return parameter.fault(in: value, at: place)
    }
    let element = ParameterSchema.Parameter(parameter.name, kind)
    let found = ParameterSchema.Kind.fault(in: elements, atMost: limit, at: place) {
      fault(in: $0, of: element, at: $1)
    }
    return parameter.setting.flatMap { setting in found?.adding("(\(setting))") } ?? found
  }
}

/// Finds the references of a value that can never be resolved.
enum ReferenceCheck {
  /// Adds a fault for each malformed reference and each use of `item` where there is none, at any depth.
  static func check(
    _ value: JSONValue, at place: inout ValidationFault.Location, hasItem: Bool = false, _ faults: inout FaultList
  ) {
    value.walk(at: &place) { text, place in
      text.forEachMention { mention in
        switch mention.root {
        case .step, .inputs: break
        case .item where hasItem: break
        case .item: faults.add(.value(place, .string(text), itemMessage(mention)))
        case nil: faults.add(.value(place, .string(text), malformedMessage(mention)))
        }
      }
    }
  }

  private static func malformedMessage(_ mention: Mention) -> String {
    mention.isInBraces
      ? "\(mention.text) is no reference such as {{step.output}}; \(Template.advice)"
      : "not a reference such as @step.output; write @@ for a text that starts with @"
  }

  private static func itemMessage(_ mention: Mention) -> String {
    "there is no item here: \(mention.isInBraces ? "{{item}}" : "@item") is for the params of a step with foreach"
  }
}

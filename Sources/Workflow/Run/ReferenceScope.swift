public import ExactJSON

/// What the references of a run can reach: its inputs, and the outputs of the steps that are done.
public struct ReferenceScope: Sendable {
  /// The run's inputs.
  public let inputs: JSONObject
  /// Outputs by step id. A reference to a step that has ended without outputs brings null.
  public private(set) var outputs: [String: JSONObject]
  /// The item at hand of a step with `foreach`; nil outside of one.
  public var item: JSONValue?

  /// A scope at the start of a run, or where one is taken up again.
  /// - Parameter steps: how many steps the run has.
  public init(inputs: JSONObject, outputs: [String: JSONObject] = [:], steps: Int = 0) {
    self.inputs = inputs
    self.outputs = outputs
    self.outputs.reserveCapacity(steps)
  }

  /// Adds what a step returned.
  public mutating func add(_ stepOutputs: JSONObject, of step: String) { outputs[step] = stepOutputs }

  /// Removes what a step returned.
  public mutating func remove(_ step: String) { outputs[step] = nil }

  /// The parameters of a step with every reference replaced by its value, also in double braces, and every `@@` by
  /// `@`.
  ///
  /// A value that a reference brings in is data: a text in it that looks like a reference stays as it is.
  /// - Parameter limit: bytes that the parameters may take as JSON text. They are counted while references are
  ///   resolved, so that nothing larger is ever built.
  /// - Returns: the parameters, and their bytes as JSON text.
  /// - Throws: `reference_missing`, naming the reference and what is there instead; `output_too_large`, naming the
  ///   setting.
  public func resolve(
    _ params: JSONObject, within limit: ByteLimit
  ) throws(StepFailure) -> (params: JSONObject, bytes: Int) {
    var resolver = Resolver(scope: self, limit: limit, counter: JSONByteCounter(left: limit.bytes))
    let resolved = try resolver.resolve(params)
    return (resolved, limit.bytes - resolver.counter.left)
  }

  /// The array of a step with `foreach`.
  /// - Throws: as `resolve`; `operation_failed` when it is no array.
  public func resolve(array: JSONValue, within limit: ByteLimit) throws(StepFailure) -> [JSONValue] {
    let (resolved, _) = try resolve(["foreach": array], within: limit)
    guard let elements = resolved["foreach"]?.arrayValue else {
      let found = resolved["foreach"]?.typeName ?? "nothing"
      throw StepFailure(.operationFailed, "foreach must be an array; \(found) is there")
    }
    return elements
  }

  private struct Resolver {
    let scope: ReferenceScope
    let limit: ByteLimit
    var counter: JSONByteCounter

    mutating func resolve(_ params: JSONObject) throws(StepFailure) -> JSONObject {
      var resolved = JSONObject(capacity: params.count)
      try count { $0.takeObject(of: params.count) }
      for member in params.members {
        try count { $0.take(string: member.key) }
        resolved.append(JSONObject.Member(key: member.key, value: try resolve(member.value)))
      }
      return resolved
    }

    private mutating func resolve(_ value: JSONValue) throws(StepFailure) -> JSONValue {
      switch value {
      case .null, .bool, .number: return try counted(value)
      case .array(let elements):
        var resolved: [JSONValue] = []
        resolved.reserveCapacity(elements.count)
        try count { $0.takeArray(of: elements.count) }
        for element in elements { resolved.append(try resolve(element)) }
        return .array(resolved)
      case .object(let object): return .object(try resolve(object))
      case .string(let text):
        switch Reference.read(text) {
        case .literal(let literal): return try counted(.string(literal))
        case .reference(let reference): return try counted(try scope.lookUp(reference))
        case .template(let template): return try resolve(template)
        case .malformed:
          let text = text.cut(toBytes: ReferenceScope.longestName)
          throw StepFailure(
            .referenceMissing, "\(text) is not a reference; write @\(text) for a text that starts with @")
        }
      }
    }

    private mutating func resolve(_ template: Template) throws(StepFailure) -> JSONValue {
      var text: [UInt8] = []
      try count { $0.take(bytes: 2) }
      try template.forEachPiece { (piece) throws(StepFailure) in
        switch piece {
        case .text(let bytes): try append(bytes, to: &text)
        case .mention(let mention):
          guard let reference = mention.reference else {
            throw StepFailure(.referenceMissing, "\(mention.text) is not a reference; \(Template.advice)")
          }
          let value = try scope.lookUp(reference)
          // The text of another value is not built before it is known to be short enough.
          if value.stringValue == nil { try count { value.byteCount(atMost: $0.left) != nil } }
          let insert = value.stringValue ?? value.text
          try insert.utf8.span.withUnsafeBufferPointer { (bytes) throws(StepFailure) in try append(bytes, to: &text) }
        }
      }
      return .string(String(decoding: text, as: UTF8.self))
    }

    private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>, to text: inout [UInt8]) throws(StepFailure) {
      try count { $0.take(escaping: bytes) }
      text += bytes
    }

    private mutating func counted(_ value: JSONValue) throws(StepFailure) -> JSONValue {
      try count { $0.take(value) }
      return value
    }

    private mutating func count(_ take: (inout JSONByteCounter) -> Bool) throws(StepFailure) {
      if !take(&counter) {
        throw StepFailure(
          .outputTooLarge,
          "with what their references bring, the parameters take more than \(limit.bytes) bytes (\(limit.setting))")
      }
    }
  }

  /// Why a reference leads nowhere; nil when it leads somewhere, or that would take long to find out.
  func problem(of reference: Reference) -> StepFailure? {
    if reference.path.contains(.each) { return nil }
    do throws(StepFailure) {
      _ = try lookUp(reference)
      return nil
    } catch {
      return error
    }
  }

  /// Whether a value is a reference, which is the whole text.
  func isReference(_ value: JSONValue) -> Bool {
    guard let text = value.stringValue, case .reference = Reference.read(text) else { return false }
    return true
  }

  /// What a reference leads to; nil where it leads nowhere.
  func value(ifPresent reference: JSONValue) -> JSONValue? { try? value(of: reference) }

  /// What a reference leads to.
  /// - Throws: `reference_missing`, naming what is there instead.
  func value(of reference: JSONValue) throws(StepFailure) -> JSONValue {
    guard let text = reference.stringValue, case .reference(let reference) = Reference.read(text) else {
      throw StepFailure(.referenceMissing, "\(reference.typeName) is no reference")
    }
    return try lookUp(reference)
  }

  private func lookUp(_ reference: Reference) throws(StepFailure) -> JSONValue {
    // A step is resolved when all that it refers to have ended: one without outputs was skipped or has failed.
    if let step = reference.step, outputs[step] == nil { return .null }
    return try follow(reference, reference.path[...], from: try root(of: reference))
  }

  private func follow(
    _ reference: Reference, _ path: ArraySlice<Reference.Component>, from start: JSONValue
  ) throws(StepFailure) -> JSONValue {
    var value = start
    for (index, component) in zip(path.indices, path) {
      if component == .each, let elements = value.arrayValue {
        var values: [JSONValue] = []
        values.reserveCapacity(elements.count)
        for element in elements {
          // An item that has failed is null.
          values.append(element == .null ? .null : try follow(reference, path[(index + 1)...], from: element))
        }
        return .array(values)
      }
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
      return outputs[id].map { .object($0) } ?? .null
    case .item:
      if let item { return item }
      throw StepFailure(.referenceMissing, "\(reference.text): there is no item at hand")
    }
  }

  /// What is one component of a path further into a value; nil when nothing is there.
  static func step(into value: JSONValue, _ component: Reference.Component) -> JSONValue? {
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
    let text = reference.text.cut(toBytes: ReferenceScope.longestName)
    let wanted =
      switch component {
      case .key(let key): "no key \(key.cut(toBytes: ReferenceScope.longestName))"
      case .index(let index): "no element [\(index)]"
      case .each: "no array for [*]"
      }
    let present =
      switch value {
      case .object(let object): "the keys there: \(ReferenceScope.list(object.members.map(\.key)))"
      case .array(let elements): "an array of \(elements.count) is there"
      default: "a \(value.typeName) is there"
      }
    return StepFailure(.referenceMissing, "\(text): \(wanted); \(present)")
  }

  private static func list(_ keys: [String]) -> String {
    if keys.isEmpty { return "none" }
    let names = keys.prefix(20).map { $0.cut(toBytes: longestName) }
    return names.joined(separator: ", ") + (keys.count > 20 ? ", …" : "")
  }

  /// Bytes of a name that a message repeats; the rest is cut.
  private static let longestName = 100
}

/// A number of bytes that something may take, and the setting that says so.
public struct ByteLimit: Sendable, Equatable {
  /// The bytes.
  public let bytes: Int
  /// The setting's name, for messages.
  public let setting: String

  /// A limit that a setting gives.
  public init(_ bytes: Int, setting: String) {
    self.bytes = bytes
    self.setting = setting
  }
}

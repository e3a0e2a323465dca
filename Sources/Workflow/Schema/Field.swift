package import ExactJSON

/// A member of a JSON object that clients send or receive. The tables of fields are what the validation, the OpenAPI
/// document and the page Contract have in common.
package struct Field: Sendable {
  /// What the value must be.
  package enum Shape: Sendable {
    /// What a kind checks.
    case value(ParameterSchema.Kind)
    /// What other code checks: the type in words, and the JSON Schema.
    case other(String, JSONObject)
  }

  /// What applies when the field is absent.
  package enum Default: Sendable {
    /// Nothing may: the field must be there.
    case required
    /// Absence has its own meaning.
    case none
    /// A value.
    case value(JSONValue)
    /// What the words say; they are Markdown.
    case words(String)
  }

  /// Its key.
  package let name: String
  /// What its value must be.
  package let shape: Shape
  /// What applies when it is absent.
  package let defaultValue: Default
  /// What it means, and what its value must be besides: Markdown that follows a colon.
  package let meaning: String

  /// A field.
  package init(_ name: String, _ shape: Shape, default defaultValue: Default = .none, _ meaning: String) {
    self.name = name
    self.shape = shape
    self.defaultValue = defaultValue
    self.meaning = meaning
  }

  /// Whether it must be there.
  package var isRequired: Bool { if case .required = defaultValue { true } else { false } }

  /// Its value in an object, as far as its shape is known; nil when it is absent or faulty. Adds the fault.
  /// - Parameter place: the place of the object.
  func read(
    _ object: JSONObject, at place: ValidationFault.Location, _ faults: inout FaultList
  ) -> JSONValue? {
    guard let value = object[name] else {
      if isRequired { faults.add(.missing(place + [.key(name)], in: .object(object))) }
      return nil
    }
    guard case .value(let kind) = shape, let fault = kind.fault(in: value, at: place + [.key(name)]) else {
      return value
    }
    faults.add(fault)
    return nil
  }

  /// Adds a fault for each member of an object that is none of the fields.
  static func refuseOthers(
    _ object: JSONObject, _ names: [String], at place: ValidationFault.Location, _ faults: inout FaultList
  ) {
    var known: [String]? = names
    for member in object.members where !names.contains(where: member.key.hasSameScalars) {
      faults.add(.extraForbidden(place + [.key(member.key)], member.value, known: known))
      known = nil
    }
  }
}

extension Field {
  /// Its JSON Schema (draft 2020-12) with default and description.
  package var schema: JSONObject {
    var schema: JSONObject
    switch shape {
    case .value(let kind): schema = kind.schema
    case .other(_, let own): schema = own
    }
    if case .value(let value) = defaultValue { schema["default"] = value }
    if !meaning.isEmpty { schema["description"] = .string(meaning.asSentence) }
    return schema
  }

  /// The JSON Schema of an object with fields.
  /// - Parameter isOpen: whether it may have others.
  package static func object(_ fields: [Field], isOpen: Bool = false) -> JSONObject {
    var schema: JSONObject = [
      "type": "object", "properties": .object(JSONObject(fields.map { ($0.name, .object($0.schema)) })),
    ]
    let required = fields.filter(\.isRequired)
    if !required.isEmpty { schema["required"] = .array(required.map { .string($0.name) }) }
    if !isOpen { schema["additionalProperties"] = false }
    return schema
  }

  /// A reference to a schema of the document.
  package static func reference(_ name: String) -> JSONObject { ["$ref": .string("#/components/schemas/\(name)")] }

  /// Its row in a table of the page Contract: type, default and rule.
  package var cells: [String] {
    let (type, range): (String, String)
    switch shape {
    case .value(let kind): (type, range) = (kind.typeWord, kind.rangeWords)
    case .other(let word, _): (type, range) = (word, "")
    }
    let rule = [range, meaning].filter { !$0.isEmpty }.joined(separator: ": ")
    return [type, defaultWords, rule]
  }

  private var defaultWords: String {
    switch defaultValue {
    case .required: "required"
    case .none: "none"
    case .value(let value): "`\(value.stringValue ?? value.text)`"
    case .words(let words): words
    }
  }
}

extension String {
  /// A part of a sentence as a whole sentence.
  package var asSentence: String {
    guard let first else { return self }
    return first.uppercased() + dropFirst() + (".!?".contains(last ?? ".") ? "" : ".")
  }
}

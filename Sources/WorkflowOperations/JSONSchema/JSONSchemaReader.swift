import ExactJSON

/// Reads a schema into nodes, and says what is wrong with it.
struct JSONSchemaReader {
  typealias Fault = JSONSchema.Fault

  private let isWritten: Bool
  private var nodes: [JSONSchema.Node] = []
  private var path: [String] = []
  /// The schemas that `$ref` can name, by their pointers.
  private var named: [ExactKey: Int] = [:]
  /// The references, with the node that has each and its place.
  private var references: [(node: Int, target: String, path: [String])] = []

  init(isWritten: Bool) { self.isWritten = isWritten }

  /// Keywords that say what a value must be.
  private static let keywords = [
    "type", "enum", "const", "properties", "required", "additionalProperties", "items", "minItems", "maxItems",
    "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "anyOf", "oneOf", "allOf",
    "$ref", "$defs",
  ]
  /// Keywords that are for readers, and that a validator does not assert.
  private static let annotations: Set<String> = [
    "title", "description", "default", "examples", "example", "format", "deprecated", "readOnly", "writeOnly",
    "$comment", "$schema", "$id", "discriminator",
  ]
  /// Bytes that no keyword has.
  private static let longestKeyword = 40
  private static let definitions: Set<String> = ["$defs", "definitions"]

  mutating func read(_ json: JSONValue) throws(Fault) -> [JSONSchema.Node] {
    named[ExactKey("#")] = 0
    _ = try schema(json)
    for (node, target, place) in references {
      guard let found = named[ExactKey(target)] else {
        throw Fault(
          path: Self.pointer(place),
          message: "there is no \(target.cut(toBytes: 100)); a $ref is '#', or the name of a schema as '#/$defs/name'")
      }
      nodes[node].all.append(found)
    }
    try checkLoops()
    return nodes
  }

  // MARK: Schemas

  private mutating func schema(_ json: JSONValue) throws(Fault) -> Int {
    let node = nodes.count
    nodes.append(JSONSchema.Node())
    if isReference(json) { return node }
    switch json {
    case .bool(let value): nodes[node].isNever = !value
    case .object(let object):
      guard path.count <= 2 * JSONSchema.deepest else {
        throw fault("schemas nest deeper than \(JSONSchema.deepest) levels")
      }
      for member in object.members {
        path.append(member.key)
        try keyword(member, of: node)
        path.removeLast()
      }
    default: throw fault("a schema is an object, not \(Self.article(json))")
    }
    return node
  }

  private mutating func keyword(_ member: JSONObject.Member, of node: Int) throws(Fault) {
    // A longer one would take long to be compared, and is none.
    let key = member.key.utf8.count <= Self.longestKeyword ? member.key : String(member.key.cut(toBytes: 100))
    let value = member.value
    if Self.annotations.contains(key) {
      if key == "$schema" { try checkDraft(value) }
      return
    }
    guard Self.keywords.contains(key) || Self.definitions.contains(key) else {
      path.removeLast()
      let known = Self.keywords.joined(separator: ", ")
      throw fault("the keyword '\(key.cut(toBytes: 100))' is not supported; these are: \(known)")
    }
    if isReference(value) { return }
    switch key {
    case "type": nodes[node].types = try types(value)
    case "enum", "const": try take(value, isList: key == "enum", of: node)
    case "properties", "$defs", "definitions": try members(value, of: node, isNames: key == "properties")
    case "required": nodes[node].required = try texts(value)
    case "additionalProperties": nodes[node].additional = try schema(value)
    case "items": nodes[node].items = try schema(value)
    case "minItems", "maxItems": try take(try size(value), isLeast: key == "minItems", &nodes[node].count)
    case "minLength", "maxLength": try take(try size(value), isLeast: key == "minLength", &nodes[node].length)
    case "minimum": nodes[node].minimum = try number(value)
    case "maximum": nodes[node].maximum = try number(value)
    case "exclusiveMinimum": nodes[node].above = try number(value)
    case "exclusiveMaximum": nodes[node].below = try number(value)
    case "anyOf": nodes[node].anyOf = try schemas(value)
    case "oneOf": nodes[node].oneOf = try schemas(value)
    case "allOf": nodes[node].all += try schemas(value)
    default: try take(reference: value, of: node)
    }
  }

  private mutating func schemas(_ value: JSONValue) throws(Fault) -> [Int] {
    guard let elements = value.arrayValue, !elements.isEmpty else { throw fault("it must be an array of schemas") }
    var found: [Int] = []
    for (index, element) in elements.enumerated() {
      path.append("\(index)")
      found.append(try schema(element))
      path.removeLast()
    }
    return found
  }

  private mutating func members(_ value: JSONValue, of node: Int, isNames: Bool) throws(Fault) {
    guard let object = value.objectValue else { throw fault("it must be an object of schemas") }
    for member in object.members {
      path.append(member.key)
      let found = try schema(member.value)
      if isNames {
        nodes[node].properties[ExactKey(member.key)] = found
      } else if path.count == 2 {
        named[ExactKey("#" + path.map(Self.escaped).joined())] = found
      }
      path.removeLast()
    }
  }

  private mutating func take(reference: JSONValue, of node: Int) throws(Fault) {
    guard let target = reference.stringValue else { throw fault("it must be a string") }
    references.append((node, target, path))
  }

  // MARK: Keywords

  private func types(_ value: JSONValue) throws(Fault) -> [JSONSchema.ValueType] {
    let words = value.arrayValue ?? [value]
    var types: [JSONSchema.ValueType] = []
    for word in words where !isReference(word) {
      let name = word.stringValue?.word(of: JSONSchema.ValueType.allCases.map(\.rawValue))
      guard let type = name.flatMap(JSONSchema.ValueType.init) else {
        let names = JSONSchema.ValueType.allCases.map(\.rawValue).joined(separator: ", ")
        throw fault("a type is one of \(names)")
      }
      types.append(type)
    }
    guard !words.isEmpty else { throw fault("it must name a type") }
    return types
  }

  private mutating func take(_ value: JSONValue, isList: Bool, of node: Int) throws(Fault) {
    guard let values = isList ? value.arrayValue : [value], !values.isEmpty else {
      throw fault("it must be an array of values")
    }
    // Both together leave what is in both.
    let earlier = nodes[node]
    let all = values.filter { value in
      earlier.values == nil || earlier.allows(value)
    }
    nodes[node].texts = Set(all.compactMap(\.stringValue).map { ExactKey($0) })
    nodes[node].values = all.filter { $0.stringValue == nil }
  }

  private func texts(_ value: JSONValue) throws(Fault) -> [String] {
    guard let elements = value.arrayValue else { throw fault("it must be an array of strings") }
    let texts = elements.compactMap(\.stringValue)
    guard texts.count == elements.count else { throw fault("it must be an array of strings") }
    return texts
  }

  private func size(_ value: JSONValue) throws(Fault) -> Int {
    guard let number = value.numberValue?.int, number >= 0 else { throw fault("it must be a whole number from 0 on") }
    return number
  }

  private func take(_ size: Int, isLeast: Bool, _ bounds: inout JSONSchema.Bounds) throws(Fault) {
    if isLeast { bounds.least = size } else { bounds.most = size }
    if let least = bounds.least, let most = bounds.most, least > most { throw fault("the least is above the most") }
  }

  private func number(_ value: JSONValue) throws(Fault) -> JSONNumber {
    guard let number = value.numberValue else { throw fault("it must be a number") }
    return number
  }

  private func checkDraft(_ value: JSONValue) throws(Fault) {
    guard let text = value.stringValue, !isReference(value) else { return }
    let draft = "https://json-schema.org/draft/2020-12/schema"
    if text.word(of: [draft, draft + "#"]) == nil {
      throw fault("only draft 2020-12 is supported, https://json-schema.org/draft/2020-12/schema")
    }
  }

  // MARK: Loops

  /// Refuses a schema that leads back to itself without going into a value: nothing could be validated by it.
  private func checkLoops() throws(Fault) {
    enum Mark { case new, open, closed }
    var marks = [Mark](repeating: .new, count: nodes.count)
    for start in nodes.indices where marks[start] == .new {
      var open: [(node: Int, next: Int)] = [(start, 0)]
      marks[start] = .open
      while let (node, next) = open.last {
        let same = nodes[node].ofSameValue
        guard next < same.count else {
          marks[node] = .closed
          open.removeLast()
          continue
        }
        open[open.count - 1].next += 1
        switch marks[same[next]] {
        case .open: throw Fault(path: "", message: "a $ref leads back to its own schema without going into a value")
        case .closed: break
        case .new:
          marks[same[next]] = .open
          open.append((same[next], 0))
        }
      }
    }
  }

  // MARK: Places

  /// Whether a text is a reference of a step, so that its value is not known yet.
  private func isReference(_ value: JSONValue) -> Bool {
    isWritten && value.stringValue?.mayBeReference == true
  }

  private func fault(_ message: String) -> Fault { Fault(path: Self.pointer(path), message: message) }

  private static func pointer(_ path: [String]) -> String {
    path.map { escaped($0.cut(toBytes: 60)) }.joined().cut(toBytes: 300)
  }

  /// A part of a JSON Pointer (RFC 6901).
  static func escaped(_ key: String) -> String {
    var bytes = [UInt8(ascii: "/")]
    for byte in key.utf8 {
      switch byte {
      case UInt8(ascii: "~"): bytes += Array("~0".utf8)
      case UInt8(ascii: "/"): bytes += Array("~1".utf8)
      default: bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func article(_ value: JSONValue) -> String {
    let name = value.typeName
    return name == "null" ? name : ("aeiou".contains(name.prefix(1)) ? "an \(name)" : "a \(name)")
  }
}

extension JSONSchema.Node {
  /// The schemas that look at the same value.
  var ofSameValue: [Int] { all + (anyOf ?? []) + (oneOf ?? []) }

  /// Whether `enum` and `const` allow a value.
  func allows(_ value: JSONValue) -> Bool {
    guard let values else { return true }
    if let text = value.stringValue { return texts.contains(ExactKey(text)) }
    return values.contains { $0.isSame(as: value) }
  }
}

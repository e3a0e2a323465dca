import ExactJSON

extension JSONSchema {
  /// What keeps a value from fitting: sentences for its author, each with a place; empty if it fits.
  func problems(of value: JSONValue) -> [String] {
    var validation = JSONSchemaValidation(nodes)
    validation.check(value, 0)
    return validation.problems
  }
}

/// One validation of a value, in time bounded by the number of comparisons.
private struct JSONSchemaValidation {
  /// Problems that are said at most.
  private static let mostProblems = 5
  /// Comparisons of a value with a schema at most. Without `anyOf` they are as many as the value has parts, times the
  /// schemas that each part must fit.
  private static let mostSteps = 300_000
  /// Schemas within schemas that are looked at, which bounds the stack.
  private static let deepest = 160

  private let nodes: [JSONSchema.Node]
  private(set) var problems: [String] = []
  private var path: [PathElement] = []
  private var steps = 0
  private var depth = 0
  /// Of how many lists of alternatives one is being tried; within more than one no sentence is read by anybody.
  private var trials = 0
  /// Whether it was given up.
  private var isOver = false

  private enum PathElement {
    case key(String)
    case index(Int)
  }

  init(_ nodes: [JSONSchema.Node]) { self.nodes = nodes }

  /// Problems that are looked for: of an alternative the first one is enough.
  private var mostProblems: Int { trials > 0 ? 1 : Self.mostProblems }

  /// Looks at a value by a schema, and notes its problems.
  mutating func check(_ value: JSONValue, _ node: Int) {
    guard !isOver, problems.count < mostProblems else { return }
    steps += 1
    guard steps < Self.mostSteps, depth < Self.deepest else {
      isOver = true
      let what = depth < Self.deepest ? "\(Self.mostSteps) comparisons" : "\(Self.deepest) levels of schemas"
      problems.append("validation takes more than \(what)")
      return
    }
    depth += 1
    defer { depth -= 1 }
    guard checkKind(value, node) else { return }
    switch value {
    case .number(let number): check(number, node)
    case .string(let text): check(length: text, nodes[node].length)
    case .array(let elements): check(elements, node)
    case .object(let object): check(object, node)
    case .null, .bool: break
    }
    checkSame(value, node)
  }

  /// Looks at the type, and whether the value is one that is allowed.
  private mutating func checkKind(_ value: JSONValue, _ node: Int) -> Bool {
    if nodes[node].isNever {
      note("is not allowed")
      return false
    }
    if let types = nodes[node].types, !types.isEmpty, !types.contains(where: { $0.fits(value) }) {
      note("must be \(Self.list(types.map(\.article))), not \(JSONSchema.ValueType.article(of: value))")
      return false
    }
    guard let values = nodes[node].values else { return true }
    steps += values.count
    guard nodes[node].allows(value) else {
      note(Self.choice(values, nodes[node].texts))
      return false
    }
    return true
  }

  private mutating func check(_ number: JSONNumber, _ node: Int) {
    if let bound = nodes[node].minimum, number.double < bound.double { note("must be \(bound.text) or more") }
    if let bound = nodes[node].maximum, number.double > bound.double { note("must be \(bound.text) or less") }
    if let bound = nodes[node].above, number.double <= bound.double { note("must be more than \(bound.text)") }
    if let bound = nodes[node].below, number.double >= bound.double { note("must be less than \(bound.text)") }
  }

  private mutating func check(length text: String, _ bounds: JSONSchema.Bounds) {
    if bounds.least == nil, bounds.most == nil { return }
    check(text.unicodeScalars.count, bounds, "characters")
  }

  private mutating func check(_ count: Int, _ bounds: JSONSchema.Bounds, _ unit: String) {
    if let least = bounds.least, count < least { note("must have \(least) \(unit) or more, and has \(count)") }
    if let most = bounds.most, count > most { note("must have \(most) \(unit) or fewer, and has \(count)") }
  }

  private mutating func check(_ elements: [JSONValue], _ node: Int) {
    check(elements.count, nodes[node].count, "elements")
    guard let items = nodes[node].items else { return }
    for (index, element) in elements.enumerated() where !isOver {
      path.append(.index(index))
      check(element, items)
      path.removeLast()
    }
  }

  private mutating func check(_ object: JSONObject, _ node: Int) {
    for name in nodes[node].required {
      steps += 1
      if object[name] == nil { note("has no member \(Self.quoted(name))") }
    }
    for member in object.members where !isOver {
      steps += 1
      guard let schema = nodes[node].properties[ExactKey(member.key)] ?? nodes[node].additional else { continue }
      path.append(.key(member.key))
      check(member.value, schema)
      path.removeLast()
    }
  }

  /// Looks at the value by the schemas that are for the same value.
  private mutating func checkSame(_ value: JSONValue, _ node: Int) {
    for schema in nodes[node].all { check(value, schema) }
    if let schemas = nodes[node].anyOf {
      checkOne(value, schemas, "anyOf") { $0 > 0 }
    }
    if let schemas = nodes[node].oneOf {
      checkOne(value, schemas, "oneOf") { $0 == 1 }
    }
  }

  /// Looks at the value by each of some schemas, and notes when the number of those that it fits is no good one.
  private mutating func checkOne(
    _ value: JSONValue, _ schemas: [Int], _ keyword: String, _ isGood: (Int) -> Bool
  ) {
    let known = problems
    trials += 1
    defer { trials -= 1 }
    var reasons: [String] = []
    var fitting = 0
    for schema in schemas where !isOver {
      problems = []
      check(value, schema)
      if isOver { return }
      if let first = problems.first { reasons.append(first) } else { fitting += 1 }
      if fitting > 0, keyword == "anyOf" { break }
    }
    problems = known
    if isGood(fitting) { return }
    if fitting > 1 { return note("must fit one schema of \(keyword) only, and fits \(fitting)") }
    let some = reasons.prefix(3).map { "(\($0))" }.joined(separator: ", ")
    note("fits no schema of \(keyword): \(some)")
  }

  // MARK: Sentences

  private mutating func note(_ sentence: String) {
    guard problems.count < mostProblems else { return }
    guard trials < 2 else { return problems.append("an alternative does not fit") }
    problems.append("\(place) \(sentence)".cut(toBytes: 400))
  }

  private var place: String {
    if path.isEmpty { return "the value" }
    let words = path.map { element in
      switch element {
      case .key(let key): JSONSchemaReader.escaped(key.cut(toBytes: 60))
      case .index(let index): "/\(index)"
      }
    }
    return words.joined().cut(toBytes: 200)
  }

  private static func choice(_ values: [JSONValue], _ texts: Set<ExactKey>) -> String {
    let all = texts.map { quoted($0.text) }.sorted() + values.map { $0.text.cut(toBytes: 60) }
    let shown = all.prefix(10).joined(separator: ", ")
    return "must be " + (all.count == 1 ? shown : "one of \(shown)") + (all.count > 10 ? ", …" : "")
  }

  private static func quoted(_ text: String) -> String { JSONValue.string(text.cut(toBytes: 60)).text }

  private static func list(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.joined() }
    return words.dropLast().joined(separator: ", ") + " or " + last
  }
}

extension JSONSchema.ValueType {
  /// Whether a value is of the type. A number without a fraction is an integer, however it is written.
  fileprivate func fits(_ value: JSONValue) -> Bool {
    switch (self, value) {
    case (.integer, .number(let number)): JSONDecimal(number).isWhole
    default: rawValue == value.typeName
    }
  }

  fileprivate var article: String {
    switch self {
    case .null: "null"
    case .integer, .array, .object: "an \(rawValue)"
    case .boolean, .number, .string: "a \(rawValue)"
    }
  }

  fileprivate static func article(of value: JSONValue) -> String {
    if case .number(let number) = value, JSONDecimal(number).isWhole { return "an integer" }
    return JSONSchema.ValueType(rawValue: value.typeName)?.article ?? value.typeName
  }
}

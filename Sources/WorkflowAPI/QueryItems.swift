import ExactJSON
import FastCGI
import Workflow

/// The query of a request: `name=value` pairs, whose values are numbers and texts that need no escapes.
struct QueryItems {
  private let items: [(name: String, value: String)]

  init(_ request: FastCGIRequest) {
    items = request.query.utf8.split(separator: UInt8(ascii: "&")).map { pair in
      let end = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
      return (String(Substring(pair[..<end])), String(Substring(pair[end...].dropFirst())))
    }
  }

  /// The text of an item as it was sent; nil if the query has none of this name. The last of several counts.
  func text(_ name: String) -> String? { items.last { $0.name.hasSameScalars(as: name) }?.value }

  /// Names and values as they were meant: `%41` is A, `+` a blank.
  var decoded: [(name: String, value: String)] { items.map { (Self.decode($0.name), Self.decode($0.value)) } }

  private static func decode(_ text: String) -> String {
    String(decoding: PercentEncoding.decoded(text, plusIsBlank: true), as: UTF8.self)
  }

  /// A number in decimal digits; nil for any other text, such as one with a sign.
  static func wholeNumber(_ text: String) -> Int? {
    text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
  }

  /// The value of a parameter; nil if the query does not have it. The last of several counts.
  /// - Throws: a 422 that names the parameter, for a value that is none.
  func integer(_ parameter: QueryParameter) throws(APIError) -> Int? {
    try integer(parameter.name, in: parameter.range)
  }

  /// A whole number in a range; nil if the query has no item of this name. The last of several counts.
  /// - Throws: a 422 that names the item, for any other value.
  func integer(_ name: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
    guard let text = items.last(where: { $0.name.hasSameScalars(as: name) })?.value else { return nil }
    if let value = Self.wholeNumber(text), range.contains(value) { return value }
    let upper = range.upperBound == .max ? "" : " to \(range.upperBound)"
    throw .invalid([
      ValidationFault(
        "value_error", [.key("query"), .key(name)],
        "Value error, Input should be a whole number from \(range.lowerBound)\(upper)", input: .string(text))
    ])
  }
}

/// A parameter of a query: a whole number.
struct QueryParameter: Sendable {
  let name: String
  let range: ClosedRange<Int>
  let meaning: String
  var isRequired = false
  var defaultValue: Int?

  /// What the OpenAPI document says of it.
  var documentation: RouteDocumentation.Parameter {
    let shape = Field.Shape.value(.integer(range))
    let value = defaultValue.map { Field.Default.value(.number(JSONNumber($0))) } ?? .none
    return RouteDocumentation.Parameter(
      name: name, place: .query, schema: Field(name, shape, default: value, "").schema, meaning: meaning,
      isRequired: isRequired)
  }
}

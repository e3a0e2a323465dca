import ExactJSON
import FastCGI
import Workflow

/// The query of a request: `name=value` pairs, of which numbers are understood.
struct QueryItems {
  private let items: [(name: String, value: String)]

  init(_ request: FastCGIRequest) {
    items = request.query.split(separator: "&").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (String(parts[0]), parts.count == 2 ? String(parts[1]) : "")
    }
  }

  /// A whole number in a range; nil when the query does not have it.
  /// - Throws: a 422 that names the item, for anything else.
  func integer(_ name: String, in range: ClosedRange<Int>) throws(APIError) -> Int? {
    guard let text = items.last(where: { $0.name == name })?.value else { return nil }
    if let value = Int(text), range.contains(value) { return value }
    let upper = range.upperBound == .max ? "" : " to \(range.upperBound)"
    throw .invalid([
      ValidationFault(
        "value_error", [.key("query"), .key(name)],
        "Value error, Input should be a whole number from \(range.lowerBound)\(upper)", input: .string(text))
    ])
  }
}

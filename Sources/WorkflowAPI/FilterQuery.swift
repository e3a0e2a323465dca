import AccessKeys
import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// The parameters of a query that say which runs are meant. What is not known is refused: a misspelt filter would mean
/// more runs than its author thinks.
struct FilterQuery {
  /// What a parameter says.
  struct Parameter: Sendable {
    let name: String
    let schema: JSONObject
    let meaning: String
  }

  /// The parameters as the OpenAPI document has them.
  /// - Parameters:
  ///   - more: those of the route alone.
  ///   - statuses: the status that the runs may have.
  static func documentation(
    _ more: [Parameter], partitions: Partitions, statuses: Set<RunStatus> = Set(RunStatus.allCases)
  ) -> [RouteDocumentation.Parameter] {
    let known = RunStatus.allCases.filter(statuses.contains).map { JSONValue.string($0.rawValue) }
    let status = Parameter(
      name: "status", schema: ["type": "array", "items": ["enum": .array(known)]],
      meaning: "their status; may be repeated")
    let cursor = Parameter(
      name: "cursor", schema: ["type": "string", "pattern": .string(RunCursor.pattern(partitions: partitions.count))],
      meaning: "`next` of the page before")
    return ([status] + parameters + [cursor] + more).map {
      RouteDocumentation.Parameter(name: $0.name, place: .query, schema: $0.schema, meaning: $0.meaning)
    }
  }

  private static let parameters = [
    Parameter(name: "paused", schema: ["const": "1"], meaning: "only those that are paused"),
    Parameter(name: "name", schema: ["type": "string"], meaning: "their run_name"),
    Parameter(
      name: "label", schema: ["type": "array", "items": ["type": "string", "pattern": "^[^=]+=.*$"]],
      meaning: "a label that they have, as name=value; may be repeated, then they have all of them"),
    Parameter(
      name: "owner", schema: ["type": "string", "pattern": .string(AccessKey.namePattern)],
      meaning: "the name of the key that they were submitted with; another's than one's own only for the role admin"),
    Parameter(
      name: "error_code", schema: ["enum": .array(ErrorCode.allCases.map { .string($0.rawValue) })],
      meaning: "why they failed"),
    Parameter(
      name: "since", schema: ["type": "string", "format": "date-time"], meaning: "submitted then or later"),
    Parameter(name: "before", schema: ["type": "string", "format": "date-time"], meaning: "submitted before that"),
    Parameter(
      name: "limit", schema: ["type": "integer", "minimum": 1, "maximum": 1000, "default": 100],
      meaning: "runs at most"),
  ]

  let filter: RunFilter
  let limit: Int
  let cursor: RunCursor?
  /// The values of the other parameters that are allowed.
  let others: [String: String]

  /// Reads a query.
  /// - Parameter more: names of further parameters, whose value is 1.
  /// - Throws: a 422 with all faults.
  init(_ request: FastCGIRequest, _ partitions: Partitions, more: [String] = []) throws(APIError) {
    var filter = RunFilter()
    var faults: [ValidationFault] = []
    var (limit, cursor, others): (Int, RunCursor?, [String: String]) = (100, nil, [:])
    for item in QueryItems(request).decoded {
      do throws(Fault) {
        switch item.name {
        case "status": filter.statuses.insert(try Self.status(item.value))
        case "paused": filter.isPaused = try Self.isPaused(item.value)
        case "name": filter.name = item.value
        case "label": filter.labels.append(try Self.label(item.value))
        case "owner": filter.owner = try Self.owner(item.value)
        case "error_code": filter.errorCode = try Self.errorCode(item.value)
        case "since": filter.since = try Self.time(item.value)
        case "before": filter.before = try Self.time(item.value)
        case "limit": limit = try Self.limit(item.value)
        case "cursor":
          guard let known = partitions.cursor(item.value) else { throw Fault("a cursor is `next` of an earlier page") }
          cursor = known
        case let name where more.contains(name):
          guard item.value == "1" else { throw Fault("Input should be 1") }
          others[name] = item.value
        default: throw Fault("there is no such parameter", type: "extra_forbidden")
        }
      } catch {
        faults.append(
          ValidationFault(
            error.type, [.key("query"), .key(item.name)],
            error.type == "value_error" ? "Value error, \(error.message)" : error.message, input: .string(item.value)))
      }
    }
    guard faults.isEmpty else { throw .invalid(Array(faults.prefix(50))) }
    (self.filter, self.limit, self.cursor, self.others) = (filter, limit, cursor, others)
  }

  /// The filter, narrowed to what the request sees.
  /// - Throws: `forbidden` when it asks for the runs of another name.
  func filter(for context: RequestContext) throws(APIError) -> RunFilter {
    guard let scope = context.scope else { return filter }
    if let owner = filter.owner, !owner.hasSameScalars(as: scope) {
      throw .forbidden("runs of other names need the role admin")
    }
    var filter = filter
    filter.owner = scope
    return filter
  }

  private struct Fault: Error {
    let message: String
    let type: String

    init(_ message: String, type: String = "value_error") { (self.message, self.type) = (message, type) }
  }

  private static func status(_ text: String) throws(Fault) -> RunStatus {
    guard let status = RunStatus(rawValue: text) else {
      let names = RunStatus.allCases.map(\.rawValue).joined(separator: ", ")
      throw Fault("Input should be \(names)\(text == "paused" ? "; paused runs are found by paused=1" : "")")
    }
    return status
  }

  private static func isPaused(_ text: String) throws(Fault) -> Bool {
    guard text == "1" else { throw Fault("Input should be 1") }
    return true
  }

  private static func label(_ text: String) throws(Fault) -> RunFilter.Label {
    // By bytes: a mark that follows the = may make one character of both.
    guard let end = text.utf8.firstIndex(of: UInt8(ascii: "=")), end > text.startIndex else {
      throw Fault("a label is written name=value")
    }
    return RunFilter.Label(name: String(text[..<end]), value: String(Substring(text.utf8[end...].dropFirst())))
  }

  private static func owner(_ text: String) throws(Fault) -> String {
    guard AccessKey.isValidName(text) else { throw Fault("the name of a key is \(AccessKey.nameRule)") }
    return text
  }

  private static func errorCode(_ text: String) throws(Fault) -> String {
    guard ErrorCode(rawValue: text) != nil else {
      throw Fault("Input should be \(ErrorCode.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return text
  }

  private static func time(_ text: String) throws(Fault) -> Timestamp {
    guard let milliseconds = DateTime.milliseconds(of: text) else {
      throw Fault("a date and time with its offset is expected, such as 2026-12-24T18:00:00Z (RFC 3339)")
    }
    return Timestamp(microseconds: max(0, milliseconds) * 1_000)
  }

  private static func limit(_ text: String) throws(Fault) -> Int {
    guard let limit = QueryItems.wholeNumber(text), (1...1_000).contains(limit) else {
      throw Fault("Input should be a whole number from 1 to 1000")
    }
    return limit
  }
}

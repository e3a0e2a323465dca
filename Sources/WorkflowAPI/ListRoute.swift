import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// `GET /status`: the runs, the newest first; with `dead=1` those that have failed because too many of their workers
/// died.
struct ListRoute: Route {
  let method = "GET"
  let pattern = ["status"]
  let partitions: Partitions

  private static let dead = FilterQuery.Parameter(
    name: "dead", schema: ["const": "1"],
    meaning: "only the runs that took down too many workers, with the steps that were in flight; no other filter")

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "listRuns", summary: "Runs, the newest first",
      description: """
        A page may have fewer runs than `limit` although more follow; the last page has `next: null`. Runs with status \
        failed or cancelled alone are in the order of their end.
        """,
      parameters: FilterQuery.documentation([Self.dead], partitions: partitions),
      hasPage: true, answers: [.json(200, "Runs", "The runs."), .invalid])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let query = try FilterQuery(request, partitions, more: ["dead"])
    if query.others["dead"] != nil { return try await deadLetters(query, of: context.scope) }
    let filter = try query.filter(for: context)
    let page = try await partitions.reading { partitions throws(StoreError) in
      try await partitions.list(filter, after: query.cursor, limit: query.limit)
    }
    // A thousand runs take longer than a thread of a connection has.
    return await withTaskExecutorPreference(globalConcurrentExecutor) { Self.response(page) }
  }

  private static func response(_ page: RunPage) -> FastCGIResponse {
    .json([
      "runs": .array(page.runs.map { .object(json($0)) }), "next": page.next.map { .string($0.text) } ?? .null,
    ])
  }

  /// What a list says of a run.
  static func json(_ run: ListedRun) -> JSONObject {
    let facts = run.facts
    func time(_ text: [UInt8]?) -> JSONValue {
      text.flatMap { JSONNumber(text: String(decoding: $0, as: UTF8.self)) }.map { .number($0) } ?? .null
    }
    var json: JSONObject = [
      "job_id": .string(run.id.description), "run_name": .string(facts.runName),
      "status": .string(facts.status.rawValue), "created_ts": time(facts.createdAt),
      "started_ts": time(facts.startedAt), "finished_ts": time(facts.finishedAt),
    ]
    if facts.status == .queued, facts.due != nil { json["due_ts"] = time(facts.due) }
    if facts.isPaused { json["paused"] = true }
    if facts.generation > 0 { json["generation"] = .number(JSONNumber(facts.generation)) }
    if facts.reopenedAt != nil { json["reopened_ts"] = time(facts.reopenedAt) }
    if let priority = facts.priority { json["priority"] = .string(priority) }
    if let labels = facts.labels, let value = try? JSONValue(parsing: labels) { json["labels"] = value }
    if let owner = facts.owner { json["owner"] = .string(owner) }
    if let origin = facts.origin { json["schedule"] = .string(ScheduleName(stored: origin.name).name) }
    if facts.isDegraded { json["degraded"] = true }
    if let error = facts.error { json["error"] = .string(error) }
    if let code = facts.errorCode { json["error_code"] = .string(code) }
    return json
  }

  private func deadLetters(_ query: FilterQuery, of scope: String?) async throws(APIError) -> FastCGIResponse {
    guard query.filter.isEmpty, query.cursor == nil else {
      throw .invalid([
        ValidationFault(
          "value_error", [.key("query"), .key("dead")], "Value error, dead=1 goes with no other filter than limit",
          input: "1")
      ])
    }
    // Those of other names are among them.
    let limit = scope == nil ? query.limit : 1_000
    let letters = try await partitions.reading { partitions throws(StoreError) in
      let letters = try await partitions.deadLetters(limit: limit)
      guard let scope else { return letters }
      var own: [DeadLetter] = []
      for letter in letters where own.count < query.limit {
        if try await partitions.store(of: letter.id).owner(of: letter.id) == scope { own.append(letter) }
      }
      return own
    }
    return .json(["runs": .array(letters.map(Self.json)), "next": .null])
  }

  private static func json(_ letter: DeadLetter) -> JSONValue {
    func time(_ text: String) -> JSONValue { JSONNumber(text: text).map(JSONValue.number) ?? .null }
    return [
      "job_id": .string(letter.id.description), "run_name": .string(letter.runName), "status": "failed",
      "created_ts": time(letter.createdAt), "started_ts": time(letter.startedAt),
      "finished_ts": time(letter.finishedAt), "error_code": .string(letter.errorCode), "error": .string(letter.error),
      "steps_in_flight": .array(letter.stepsInFlight.map(JSONValue.string)),
    ]
  }
}

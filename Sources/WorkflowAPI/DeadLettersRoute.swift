import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// `GET /status?dead=1`: the runs that have failed because too many of their workers died, the newest first.
struct DeadLettersRoute: Route {
  let method = "GET"
  let pattern = ["status"]
  let partitions: Partitions

  private static let dead = QueryParameter(
    name: "dead", range: 1...1, meaning: "only the runs that took down too many workers", isRequired: true)
  private static let limit = QueryParameter(
    name: "limit", range: 1...1_000, meaning: "runs at most", defaultValue: 100)

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "listDeadLetters", summary: "The runs that took down three workers in a row",
      parameters: [Self.dead.documentation, Self.limit.documentation],
      answers: [.json(200, "DeadLetters", "The runs."), .invalid])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let query = QueryItems(request)
    guard try query.integer(Self.dead) != nil else {
      throw .invalid([ValidationFault("missing", [.key("query"), .key("dead")], "Field required", input: .null)])
    }
    let limit = try query.integer(Self.limit) ?? 100
    let letters = try await partitions.reading { partitions throws(StoreError) in
      try await partitions.deadLetters(limit: limit)
    }
    return .json(["runs": .array(letters.map(Self.json))])
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

import ExactJSON
import FastCGI
import WorkflowStore

/// `GET /status/counts`: how many runs there are, by status.
struct CountsRoute: Route {
  let method = "GET"
  let pattern = ["status", "counts"]
  let partitions: Partitions

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "countRuns", summary: "How many runs there are, and how old the oldest are",
      answers: [.json(200, "Counts", "The counts, of all runs; with keys only for the role admin.")])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    guard context.scope == nil else { throw .forbidden("the counts are those of all names; they need the role admin") }
    let counts = try await partitions.reading { partitions throws(StoreError) in try await partitions.counts() }
    func number(_ count: Int) -> JSONValue { .number(JSONNumber(count)) }
    func seconds(_ seconds: Double) -> JSONValue { .number(JSONNumber(Int(seconds))) }
    return .json([
      "queued": number(counts.queued), "started": number(counts.started), "finished": number(counts.finished),
      "failed": number(counts.failed), "cancelled": number(counts.cancelled), "parked": number(counts.parked),
      "paused": number(counts.paused), "oldest_queued_s": seconds(counts.oldestQueued),
      "oldest_started_s": seconds(counts.oldestStarted),
    ])
  }
}

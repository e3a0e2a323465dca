import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// `GET /status/usage`: what calls of models have used, by day, owner and model.
struct UsageRoute: Route {
  let method = "GET"
  let pattern = ["status", "usage"]
  let partitions: Partitions

  private static let days = QueryParameter(
    name: "days", range: 1...RunStore.spendingDays, meaning: "how many days, today (UTC) being the last",
    defaultValue: 1)

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "getUsage", summary: "What calls of models have used, by day, owner and model",
      description: """
        With keys those of the key's name, or of all names for the role admin. The cost of a call that is under way, and \
        of one that did not say what it has used, is the most that it may cost; `estimated` says so.
        """,
      parameters: [Self.days.documentation],
      answers: [.json(200, "Usage", "The sums, the oldest day first."), .invalid])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let days = try QueryItems(request).integer(Self.days) ?? 1
    let spending = try await partitions.reading { partitions throws(StoreError) in
      try await partitions.all[0].spending(days: days, owner: context.scope)
    }
    return await withTaskExecutorPreference(globalConcurrentExecutor) {
      .json(["usage": .array(spending.map { .object(Self.json($0)) })])
    }
  }

  private static func json(_ spending: ModelSpending) -> JSONObject {
    var json: JSONObject = [
      "day": .string(spending.day), "owner": spending.owner.map { .string($0) } ?? .null,
      "model": .string(spending.model),
    ]
    for member in spending.usage.json.members { json[member.key] = member.value }
    json["failed"] = .number(JSONNumber(spending.failed))
    return json
  }
}

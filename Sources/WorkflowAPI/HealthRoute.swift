import ExactJSON
import FastCGI
import WorkflowStore

/// `GET /status/health`: 200 while runs are accepted and worked on, else 503; the facts in JSON either way.
struct HealthRoute: Route {
  let method = "GET"
  let pattern = ["status", "health"]
  let store: RunStore

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    do {
      let health = try await store.health()
      let hasWorker = health.workers > 0
      var facts: JSONObject = [
        "status": hasWorker ? "ok" : "unavailable", "redis": "ok",
        "workers": .number(JSONNumber(health.workers)), "queued": .number(JSONNumber(health.queued)),
        "started": .number(JSONNumber(health.started)),
      ]
      if !health.repairs.isEmpty {
        let repairs = health.repairs.sorted { $0.key < $1.key }
        facts["repairs"] = .object(JSONObject(repairs.map { ($0.key, .number(JSONNumber($0.value))) }))
      }
      if !hasWorker { facts["detail"] = "no worker is alive: runs are accepted and wait" }
      return .json(status: hasWorker ? 200 : 503, .object(facts))
    } catch {
      return .json(
        status: 503, ["status": "unavailable", "redis": "unavailable", "detail": .string("\(error)")],
        headers: [("Retry-After", "2")])
    }
  }
}

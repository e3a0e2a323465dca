import ExactJSON
import FastCGI
import WorkflowStore

/// `GET /status/health`: 200 while runs are accepted and executed, else 503; the facts in JSON in both cases.
struct HealthRoute: Route {
  let method = "GET"
  let pattern = ["status", "health"]
  let partitions: Partitions
  let catalog: OperationCatalog
  /// Messages for operators that do not affect the status.
  let warnings: @Sendable () -> [String]

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "getHealth", summary: "Whether runs are accepted and executed",
      hasPage: true,
      answers: [
        .json(200, "Health", "They are."),
        .json(503, "Health", "They are not; `detail` says why."),
      ])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    do {
      let health = try await partitions.health()
      let fallbacks = try await partitions.fallbacksOfLastHour()
      let inbox = try await partitions.inboxState()
      let callbacks = try await partitions.callbackCounts()
      let snapshot = try await catalog.look()
      let drained = snapshot.workers.count(where: \.isDrained)
      let workers = max(0, health.workers - drained)
      let fault = fault(health, workers: workers, drained: drained)
      let shortages = Shortages(health.waiting, snapshot)
      var facts: JSONObject = [
        "status": fault == nil ? "ok" : "unavailable", "redis": "ok",
        "workers": .number(JSONNumber(workers)), "queued": .number(JSONNumber(health.queued)),
        "started": .number(JSONNumber(health.started)),
      ]
      if drained > 0 { facts["drained"] = .number(JSONNumber(drained)) }
      if !shortages.isEmpty { facts["missing"] = shortages.json }
      if inbox.entries > 0 { facts["inbox"] = .number(JSONNumber(inbox.entries)) }
      if callbacks.waiting > 0 { facts["callbacks"] = .number(JSONNumber(callbacks.waiting)) }
      if fallbacks > 0 { facts["fallbacks_last_hour"] = .number(JSONNumber(fallbacks)) }
      if !health.repairs.isEmpty {
        let repairs = health.repairs.sorted { $0.key < $1.key }
        facts["repairs"] = .object(JSONObject(repairs.map { ($0.key, .number(JSONNumber($0.value))) }))
      }
      let warnings = warnings() + inboxWarnings(inbox) + shortages.warnings + callbackWarnings(callbacks)
      if !warnings.isEmpty { facts["warnings"] = .array(warnings.map { .string($0) }) }
      if let fault { facts["detail"] = .string(fault) }
      return .json(status: fault == nil ? 200 : 503, .object(facts))
    } catch {
      let failure = APIError(reading: error)
      if let reason = failure.reason { context.note("reason", reason) }
      return .json(
        status: 503, ["status": "unavailable", "redis": "unavailable", "detail": .string(failure.sentence)],
        headers: [("Retry-After", "2")])
    }
  }

  private func inboxWarnings(_ inbox: (entries: Int, refused: Int, fault: String?)) -> [String] {
    let list = partitions.keys.prefix + "inbox:refused"
    let refused =
      inbox.refused == 0
      ? nil
      : "\(inbox.refused) entries of the inbox were refused: LRANGE \(list) 0 -1 shows them and why; then delete it"
    return [inbox.fault, refused].compactMap(\.self)
  }

  /// Seconds for which a callback may be due: workers look once a second.
  private static let callbackPatience = 60

  private func callbackWarnings(_ callbacks: CallbackCounts) -> [String] {
    var warnings: [String] = []
    if callbacks.dead > 0 {
      warnings.append(
        "\(callbacks.dead) callbacks were given up: `wf callbacks --dead` shows why, and `wf callbacks retry --dead` sends them again"
      )
    }
    if callbacks.overdue > Self.callbackPatience {
      warnings.append(
        "callbacks have been due for \(callbacks.overdue) s: no worker sends them in time; each needs WF_CALLBACK_SECRET"
      )
    }
    return warnings
  }

  /// Why runs are not executed; nil if they are.
  private func fault(_ health: StoreHealth, workers: Int, drained: Int) -> String? {
    if workers == 0, drained > 0 {
      return """
        \(drained == 1 ? "the only worker is" : "all \(drained) workers are") drained: runs are accepted and wait until \
        wf drain --undo or a restart of the workers
        """
    }
    if health.workers == 0 { return "no worker is alive: runs are accepted and wait" }
    let overdue = max(health.recoveryOverdue, health.reconciliationOverdue)
    guard overdue > 0 else { return nil }
    return "no worker has been able to look for the runs of dead workers for \(overdue) s; the workers' log says why"
  }
}

import ExactJSON
import FastCGI
import WorkflowStore

/// `GET /status/health`: 200 while runs are accepted and executed, if only in some partitions of several servers, else
/// 503; the facts in JSON in both cases.
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
        .json(200, "Health", "They are; where `status` is `degraded`, not in all partitions."),
        .json(503, "Health", "They are not; `detail` says why."),
      ])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    do {
      let state = try await partitions.state()
      let snapshot = try await snapshot(isNeeded: state.down.isEmpty)
      let drained = snapshot?.workers.count(where: \.isDrained) ?? 0
      let workers = max(0, state.health.workers - drained)
      let fault = fault(state.health, workers: workers, drained: drained)
      let shortages = snapshot.map { Shortages(state.health.waiting, $0) }
      for outage in state.down { context.note("partition \(outage.number)", outage.reason) }
      var facts: JSONObject = [
        "status": fault != nil ? "unavailable" : state.down.isEmpty ? "ok" : "degraded", "redis": "ok",
        "workers": .number(JSONNumber(workers)), "queued": .number(JSONNumber(state.health.queued)),
        "started": .number(JSONNumber(state.health.started)),
      ]
      if drained > 0 { facts["drained"] = .number(JSONNumber(drained)) }
      if let shortages, !shortages.isEmpty { facts["missing"] = shortages.json }
      add(state, to: &facts)
      let warnings =
        warnings() + inboxWarnings(state.inbox) + (shortages?.warnings ?? []) + callbackWarnings(state.callbacks)
      if !warnings.isEmpty { facts["warnings"] = .array(warnings.map { .string($0) }) }
      if let detail = fault ?? outage(state.down) { facts["detail"] = .string(detail) }
      return .json(status: fault == nil ? 200 : 503, .object(facts))
    } catch {
      let failure = APIError(reading: error)
      if let reason = failure.reason { context.note("reason", reason) }
      return .json(
        status: 503, ["status": "unavailable", "redis": "unavailable", "detail": .string(failure.sentence)],
        headers: [("Retry-After", "2")])
    }
  }

  /// The live workers.
  /// - Parameter isNeeded: false where some partitions are down, and the rest is shown without them.
  private func snapshot(isNeeded: Bool) async throws(StoreError) -> OperationCatalog.Snapshot? {
    do { return try await catalog.look() } catch {
      if isNeeded { throw error }
      return nil
    }
  }

  /// What is there of other things.
  private func add(_ state: OverallState, to facts: inout JSONObject) {
    if state.inbox.entries > 0 { facts["inbox"] = .number(JSONNumber(state.inbox.entries)) }
    if state.callbacks.waiting > 0 { facts["callbacks"] = .number(JSONNumber(state.callbacks.waiting)) }
    if state.fallbacks > 0 { facts["fallbacks_last_hour"] = .number(JSONNumber(state.fallbacks)) }
    if !state.down.isEmpty {
      facts["partitions_down"] = .array(
        state.down.map { ["partition": .number(JSONNumber($0.number)), "reason": .string($0.cause)] })
    }
    if !state.health.repairs.isEmpty {
      let repairs = state.health.repairs.sorted { $0.key < $1.key }
      facts["repairs"] = .object(JSONObject(repairs.map { ($0.key, .number(JSONNumber($0.value))) }))
    }
  }

  /// What it means that partitions are down; nil when none is.
  private func outage(_ down: [PartitionOutage]) -> String? {
    if down.isEmpty { return nil }
    return """
      \(Partitions.named(down.map(\.number))) of \(partitions.count) \(down.count == 1 ? "is" : "are") down: \
      \(down.count == 1 ? "its" : "their") runs wait, and new runs go to the others
      """
  }

  private func inboxWarnings(_ inbox: InboxState) -> [String] {
    let refused = inbox.refusedLists.first.map { list in
      let rest = inbox.refusedLists.dropFirst().joined(separator: ", ")
      let others = rest.isEmpty ? "" : " (and \(rest))"
      return """
        \(inbox.refused) entries of the inbox were refused: LRANGE \(list) 0 -1 shows them and why\(others); then delete it
        """
    }
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

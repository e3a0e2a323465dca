import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// `POST /workflow/runs/cancel`, `…/pause`, `…/resume` and `…/retry`: steers all runs that a filter means.
struct BulkRoute: Route {
  /// What is done with each run.
  enum Action: Sendable {
    case control(ControlVerb)
    case retry

    var name: String {
      switch self {
      case .control(let verb): verb.rawValue
      case .retry: "retry"
      }
    }

    /// The status of runs with which something can be done.
    var statuses: Set<RunStatus> {
      switch self {
      case .control: [.queued, .started]
      case .retry: [.failed, .cancelled]
      }
    }
  }

  let method = "POST"
  let action: Action
  let partitions: Partitions

  var pattern: [String] { ["workflow", "runs", action.name] }

  private static let more = [
    FilterQuery.Parameter(
      name: "dry_run", schema: ["const": "1"], meaning: "nothing is done; the answer says with which runs it would be"),
    FilterQuery.Parameter(name: "all", schema: ["const": "1"], meaning: "needed where no filter is given"),
  ]

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: action.name + "Runs",
      summary: "\(action.name.prefix(1).uppercased() + action.name.dropFirst())s all runs of a filter",
      description: """
        One request takes `limit` runs at most; while `next` is no null, the next request with it as `cursor` takes more. \
        A repetition does no harm.
        """,
      parameters: FilterQuery.documentation(Self.more, partitions: partitions, statuses: action.statuses),
      answers: [.json(200, "Steered", "What became of the runs that the filter means."), .invalid])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    try JSONBody.checkSite(of: request)
    let query = try FilterQuery(request, partitions, more: Self.more.map(\.name))
    try check(query)
    var filter = try query.filter(for: context)
    if filter.statuses.isEmpty { filter.statuses = action.statuses }
    if case .control(.resume) = action { filter.isPaused = true }
    let page = try await partitions.reading { [filter] partitions throws(StoreError) in
      try await partitions.list(filter, after: query.cursor, limit: query.limit)
    }
    let isDryRun = query.others["dry_run"] != nil
    let outcomes = isDryRun ? [:] : try await perform(on: page.runs.map(\.id), context)
    let runs = page.runs.map { run -> JSONValue in
      var json: JSONObject = [
        "job_id": .string(run.id.description), "run_name": .string(run.facts.runName),
        "status": .string((outcomes[run.id] ?? run.facts.status).rawValue),
      ]
      if !isDryRun { json["done"] = .bool(outcomes[run.id] != nil) }
      return .object(json)
    }
    return .json(["runs": .array(runs), "next": page.next.map { .string($0.text) } ?? .null])
  }

  private func check(_ query: FilterQuery) throws(APIError) {
    func fault(_ name: String, _ message: String) -> APIError {
      .invalid([ValidationFault("value_error", [.key("query"), .key(name)], "Value error, \(message)", input: .null)])
    }
    if query.filter.isEmpty, query.others["all"] == nil {
      throw fault("all", "say which runs, or all=1 for all of them")
    }
    let wrong = query.filter.statuses.subtracting(action.statuses)
    if let status = wrong.map(\.rawValue).min() {
      let possible = action.statuses.map(\.rawValue).sorted().joined(separator: " or ")
      throw fault("status", "\(action.name) is for runs that are \(possible), not \(status)")
    }
  }

  /// - Returns: the status of the runs with which it was done.
  private func perform(on ids: [JobID], _ context: RequestContext) async throws(APIError) -> [JobID: RunStatus] {
    var outcomes: [JobID: RunStatus] = [:]
    do throws(StoreError) {
      switch action {
      case .control(let verb):
        for (id, outcome) in try await partitions.control(verb, ids) {
          if case .done(let status) = outcome { outcomes[id] = status }
        }
      case .retry:
        for id in ids {
          let outcome = try await partitions.store(of: id).reopen(id, .failed, requestID: context.requestID)
          if case .queued = outcome { outcomes[id] = .queued }
        }
      }
      // The runs that are not on this page, because an earlier request has reached them, are done, too.
      try await partitions.waitForReplicas()
    } catch {
      throw APIError(repeatable: error)
    }
    return outcomes
  }
}

import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// `POST /workflow/{job_id}/cancel`, `…/pause` and `…/resume`: steers a run.
struct ControlRoute: Route {
  let method = "POST"
  let verb: ControlVerb
  let partitions: Partitions

  var pattern: [String] { ["workflow", "*", verb.rawValue] }

  var documentation: RouteDocumentation {
    let (summary, done) =
      switch verb {
      case .cancel: ("Cancels a run", "The run has ended as cancelled, now or before.")
      case .pause: ("Pauses a run", "The run starts no further step; those under way end.")
      case .resume: ("Resumes a run", "The run continues.")
      }
    return RouteDocumentation(
      id: verb.rawValue + "Run", summary: summary, parameters: [.jobID],
      answers: [.json(200, "Controlled", done), .noJob, .json(409, "Error", "The run has ended otherwise.")])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    try JSONBody.checkSite(of: request)
    let id = try JobID(path: argument, context)
    let outcome: ControlOutcome?
    do {
      outcome = try await partitions.store(of: id).control(verb, [id]).first
    } catch {
      throw APIError(repeatable: error)
    }
    switch outcome {
    case .done(let status)?: return .json(Self.document(id, status))
    case .ended(let status)?: throw .ended(id, status, verb)
    case .former?:
      throw .unfit("job \(id) was submitted to an older version of wf; it can be steered once a worker takes it")
    case .gone?, nil: throw .noJob(id)
    }
  }

  /// The status of a run after it was steered.
  static func document(_ id: JobID, _ status: RunStatus) -> JSONValue {
    ["job_id": .string(id.description), "status": .string(status.rawValue)]
  }
}

extension APIError {
  /// The 409 for a run that has ended, and cannot be steered any more.
  fileprivate static func ended(_ id: JobID, _ status: RunStatus, _ verb: ControlVerb) -> Self {
    let done =
      switch verb {
      case .cancel: "cancelled"
      case .pause: "paused"
      case .resume: "resumed"
      }
    let state =
      switch status {
      case .finished: "has finished"
      case .failed: "has failed"
      default: "is \(status.rawValue)"
      }
    return .unfit("job \(id) \(state); it cannot be \(done)")
  }
}

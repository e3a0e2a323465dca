import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// `POST /workflow/{job_id}/retry`: runs an ended run again from the steps that have failed.
struct RetryRoute: Route {
  let method = "POST"
  let pattern = ["workflow", "*", "retry"]
  let partitions: Partitions

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "retryRun", summary: "Runs a failed or cancelled run again, from the steps that failed",
      description: """
        The same job continues in a new generation: recorded steps are kept, failed ones and those that depend on them \
        run again. A repetition has no further effect.
        """,
      parameters: [.jobID],
      answers: [
        .json(202, "Controlled", "The run is queued, now or by an earlier request."), .noJob,
        .json(409, "Error", "The run has finished, or was never run again and has not ended."),
      ])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    try JSONBody.checkSite(of: request)
    let id = try JobID(path: argument, context)
    return try await partitions.reopen(id, .failed, context)
  }
}

/// `POST /workflow/{job_id}/rerun`: runs an ended run again from a step.
struct RerunRoute: Route {
  let method = "POST"
  let pattern = ["workflow", "*", "rerun"]
  let partitions: Partitions

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "rerunRun", summary: "Runs an ended run again from a step",
      description: """
        The same job continues in a new generation: the named step, those that depend on it and those that have failed \
        run again; all other recorded steps are kept.
        """,
      parameters: [.jobID], body: ("Rerun", ["summarise again": ["value": ["from": "llm"]]]),
      answers: [
        .json(202, "Controlled", "The run is queued, now or by an earlier request."), .noJob,
        .json(409, "Error", "The run has not ended, or what it needs has expired."),
        .json(415, "Error", "The body has a type other than JSON, or a content coding."), .invalid,
      ])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    try JSONBody.checkHeaders(of: request)
    let id = try JobID(path: argument, context)
    let step = try self.step(in: JSONBody.bytes(of: request))
    return try await partitions.reopen(id, .from(step), context)
  }

  private func step(in bytes: [UInt8]) throws(APIError) -> String {
    let body: JSONValue
    do { body = try JSONValue(parsing: bytes) } catch { throw JSONBody.refusal(error, of: bytes) }
    guard let object = body.objectValue else {
      throw .invalid([ValidationFault("dict_type", [.key("body")], "Input should be a valid dictionary", input: body)])
    }
    let place: ValidationFault.Location = [.key("body"), .key("from")]
    var faults = object.members.filter { $0.key != "from" }.prefix(20).map { member in
      ValidationFault(
        "extra_forbidden", [.key("body"), .key(member.key)], "Extra inputs are not permitted; known is from",
        input: member.value)
    }
    let value = object["from"]
    if value == nil { faults.append(ValidationFault("missing", place, "Field required", input: body)) }
    if let value, value.stringValue == nil {
      faults.append(ValidationFault("string_type", place, "Input should be a valid string", input: value))
    }
    guard faults.isEmpty, let step = value?.stringValue else { throw .invalid(faults) }
    return step
  }
}

extension Partitions {
  /// Runs an ended run again, and answers its status.
  fileprivate func reopen(
    _ id: JobID, _ reopening: Reopening, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let outcome: ReopenOutcome
    do {
      outcome = try await store(of: id).reopen(id, reopening, requestID: context.requestID)
    } catch {
      throw APIError(repeatable: error)
    }
    switch outcome {
    case .queued(let generation): return Self.response(id, .queued, generation)
    case .live(let status, let generation) where generation > 0: return Self.response(id, status, generation)
    case .live(let status, _): throw .unfit("job \(id) is \(status.rawValue); it can be run again when it has ended")
    case .finished:
      throw .unfit("job \(id) has finished, and no step of it has failed; rerun runs it again from a step")
    case .noStep(let steps):
      let place: ValidationFault.Location = [.key("body"), .key("from")]
      let known = steps.prefix(20).joined(separator: ", ") + (steps.count > 20 ? " and \(steps.count - 20) more" : "")
      guard case .from(let step) = reopening else { throw .noJob(id) }
      let message = "Value error, the run has no such step; it has \(known)"
      throw .invalid([ValidationFault("value_error", place, message, input: .string(step))])
    case .unable(let why): throw .unfit(why)
    case .gone: throw .noJob(id)
    }
  }

  private static func response(_ id: JobID, _ status: RunStatus, _ generation: Int) -> FastCGIResponse {
    .json(
      status: 202,
      [
        "job_id": .string(id.description), "status": .string(status.rawValue),
        "generation": .number(JSONNumber(generation)),
      ], headers: [("Location", "/status/\(id)")])
  }
}

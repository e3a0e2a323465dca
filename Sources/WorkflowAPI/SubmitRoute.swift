import AccessKeys
import ExactJSON
import FastCGI
import Tracing
import Workflow
import WorkflowStore

/// `POST /workflow/run`: accepts a run, or returns all of its faults.
struct SubmitRoute: Route {
  let method = "POST"
  let pattern = ["workflow", "run"]
  let catalog: OperationCatalog
  let submissions: GroupSubmit
  let allowance: RunAllowance
  /// Takes the spans of submissions; nil to write none.
  var spans: (any SpanRecorder)?

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "submitRun", summary: "Submits a run",
      parameters: [
        .init(
          name: "Idempotency-Key", place: .header,
          schema: [
            "type": "string", "pattern": "^[!-+\\--~](?:[ -+\\--~]{0,253}[!-+\\--~])?$", "examples": ["order-4711"],
          ],
          meaning: "makes a repetition safe: for 24 hours the same key with the same body answers the first run's id")
      ],
      body: ("Workflow", WorkflowSchema.examples),
      answers: [
        .json(
          202, "Accepted", "The run is in Redis, completely.", headers: ["Location"],
          links: [
            "status": ["operationId": "getStatus", "parameters": ["job_id": "$response.body#/job_id"]],
            "events": ["operationId": "getEvents", "parameters": ["job_id": "$response.body#/job_id"]],
          ]),
        .json(409, "Error", "The key was used with another body.", headers: ["Location"]),
        .json(415, "Error", "The body has a type other than JSON, or a content coding."), .invalid,
      ])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let trace = SubmissionTrace(request, spans)
    if let trace { context.note("trace_id", "\(trace.stored.traceID)") }
    do {
      let response = try await accept(request, context, trace)
      trace?.end(status: response.status)
      return response
    } catch {
      trace?.end(status: error.status)
      throw error
    }
  }

  private func accept(
    _ request: FastCGIRequest, _ context: RequestContext, _ trace: SubmissionTrace?
  ) async throws(APIError) -> FastCGIResponse {
    try JSONBody.checkHeaders(of: request)
    let bytes = try JSONBody.bytes(of: request)
    let (body, definition, steps) = try await catalog.reading { reader throws(APIError) in
      try workflow(in: bytes, by: reader, dayBudget: context.key?.limits.dayBudget)
    }
    let key = try idempotencyKey(request)
    var options = definition.options
    options.owner = context.owner
    options.trace = trace?.stored
    let id = submissions.newID(requestID: context.requestID, idempotencyKey: key)
    let submission = Submission(
      id: id, runName: definition.runName,
      steps: steps, inputs: body.document.source(of: "inputs").map { Array($0) } ?? Array("{}".utf8),
      requirements: definition.requirements, options: options, quota: try await quota(of: context, for: id),
      idempotencyKey: key, requestID: context.requestID)
    let answer: SubmissionAnswer
    do { answer = try await submissions.submit(submission) } catch { throw APIError(error) }
    switch answer {
    case .conflict(let job): throw .conflict(job)
    case .limited(let part): throw limited(part, context)
    case .past: throw .invalid([pastStart(body)])
    case .accepted(let job):
      context.note("job", job.description)
      trace?.noteJob(job.description)
      let url = "/status/\(job)"
      // An id has nothing that JSON escapes.
      let body = "{\"job_id\":\"\(job)\",\"status_url\":\"\(url)\"}"
      return .json(status: 202, bytes: Array(body.utf8), headers: [("Location", url)])
    }
  }

  private func quota(of context: RequestContext, for id: JobID) async throws(APIError) -> RunQuota? {
    guard let key = context.key else { return nil }
    return try await allowance.quota(of: key, for: id)
  }

  private func limited(_ part: RunQuota.Part, _ context: RequestContext) -> APIError {
    let (name, limits) = (context.key?.name ?? "", context.key?.limits ?? .init())
    switch part {
    case .runs:
      let runs = limits.runs ?? 0
      return .limited("\(name) has \(runs) queued and started runs, as many as it may have (runs)", retryAfter: 1)
    case .bytes:
      let bytes = limits.bytes ?? 0
      return .limited("\(name) may store \(bytes) bytes (bytes): runs must expire before others fit", retryAfter: 60)
    }
  }

  private func pastStart(_ body: DefinitionReader.ParsedBody) -> ValidationFault {
    let start = body.document.value.objectValue?["run_at"] ?? .null
    return ValidationFault(
      "value_error", [.key("body"), .key("run_at")], "Value error, the time has passed", input: start)
  }

  private func workflow(
    in bytes: [UInt8], by reader: DefinitionReader, dayBudget: Cost?
  ) throws(APIError) -> (DefinitionReader.ParsedBody, WorkflowDefinition, steps: [UInt8]) {
    let body: DefinitionReader.ParsedBody
    do { body = try reader.parse(bytes) } catch { throw JSONBody.refusal(error, of: bytes) }
    do {
      let (definition, steps) = try reader.read(body, dayBudget: dayBudget)
      return (body, definition, steps)
    } catch {
      throw .invalid(error.faults)
    }
  }

  private func idempotencyKey(_ request: FastCGIRequest) throws(APIError) -> String? {
    let keys = request.headers("Idempotency-Key")
    guard let key = keys.first else { return nil }
    // Depending on the web server, repeated headers arrive as several, as the first, or as one text joined by commas.
    guard keys.count == 1, !key.utf8.contains(UInt8(ascii: ",")) else {
      throw refused(key, "a request has one Idempotency-Key, and no comma in it, which joins two headers")
    }
    guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x20...0x7e).contains($0) }) else {
      throw refused(key, "an Idempotency-Key has 1 to 255 printable ASCII characters")
    }
    return key
  }

  private func refused(_ key: String, _ why: String) -> APIError {
    let place: ValidationFault.Location = [.key("header"), .key("idempotency-key")]
    return .invalid([ValidationFault("value_error", place, "Value error, \(why)", input: .string(key))])
  }
}

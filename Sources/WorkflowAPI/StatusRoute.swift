import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// `GET /status/{id}`: the status of a run; with `?wait=` once it has ended or the time has passed.
///
/// A short run is read at once. Of any other, the facts, which are small, are read first, and the documents only if
/// they are sent. Large ones are read over a separate connection, so that no other request waits for them.
struct StatusRoute: Route {
  let method = "GET"
  let pattern = ["status", "*"]
  let partitions: Partitions
  /// The partitions on the connection for large documents.
  let documents: Partitions
  let events: RunEvents
  let quotas: Quotas

  /// The largest `?wait=`, in seconds.
  static let longestWait = 60

  /// The largest `?since=`; no log has more entries.
  static let longestLog = 1_000_000_000

  private static let wait = QueryParameter(
    name: "wait", range: 0...longestWait, meaning: "seconds for which the answer is held until the run ends")
  private static let since = QueryParameter(
    name: "since", range: 0...longestLog, meaning: "the first entry of the log that is shown; the first of all is 0")

  private static let format = RouteDocumentation.Parameter(
    name: "format", place: .query, schema: ["const": "json"], meaning: "JSON also for a client that prefers HTML")

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "getStatus", summary: "The status of a run",
      parameters: [.jobID, Self.wait.documentation, Self.since.documentation, Self.format, .ifNoneMatch],
      hasPage: true,
      answers: [
        .json(200, "Status", "The status.", headers: ["ETag"]),
        .empty(304, "The status is the one that the client has.", headers: ["ETag"]), .noJob, .invalid,
      ])
  }

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let id = try JobID(path: argument, context)
    let query = QueryItems(request)
    let wait = try query.integer(Self.wait)
    let since = try query.integer(Self.since) ?? 0
    try checkFormat(query)
    let tags = request.headers("If-None-Match")
    let waits = wait.map { $0 > 0 } ?? false
    // What the client may have already, or waits for, is not read before that is known.
    var (found, share) = try await read(id, isWhole: tags.isEmpty && since == 0 && !waits)
    if let wait, waits, !found.facts.status.isTerminal {
      context.noteWait()
      try await waitForEnd(of: id, .seconds(wait), context)
      (found, share) = try await read(id, isWhole: tags.isEmpty && since == 0)
    }
    let tag = found.facts.entityTag
    if EntityTags.match(tags, tag) {
      return FastCGIResponse(status: 304, headers: [("ETag", tag), ("Cache-Control", "no-store")])
    }
    switch found {
    case .run(let run): return try await response(id, run, tag, since: since, holding: share)
    case .facts(let facts): return try await document(of: id, since: since, facts)
    }
  }

  private func checkFormat(_ query: QueryItems) throws(APIError) {
    guard let format = query.text(Self.format.name), !format.hasSameScalars(as: "json") else { return }
    throw .invalid([
      ValidationFault(
        "value_error", [.key("query"), .key("format")], "Value error, Input should be json", input: .string(format))
    ])
  }

  /// Reads the facts of a run, and the run itself if it is short.
  /// - Parameter isWhole: whether all of it is wanted.
  private func read(
    _ id: JobID, isWhole: Bool
  ) async throws(APIError) -> (RunOverview, share: Quota.Share?) {
    let share = isWhole ? quotas.shortRun() : nil
    let limit = share == nil ? 0 : Quotas.shortRun
    let found: RunOverview?
    do {
      found = try await partitions.store(of: id).overview(of: id, documentsUpTo: limit)
    } catch {
      throw APIError(reading: error)
    }
    switch found {
    case nil: throw .noJob(id)
    case .run(let run)?: return (.run(run), share)
    // The next read takes its own share.
    case .facts(let facts)?: return (.facts(facts), nil)
    }
  }

  private func document(of id: JobID, since: Int, _ facts: RunFacts) async throws(APIError) -> FastCGIResponse {
    let (share, isLarge) = try quotas.document(facts.bytes)
    let run = try await (isLarge ? documents : partitions).store(of: id).reading { store throws(StoreError) in
      try await store.run(of: id, facts: facts, since: since)
    }
    guard let run else { throw .noJob(id) }
    return try await response(id, run, run.facts.entityTag, since: since, holding: share)
  }

  private func response(
    _ id: JobID, _ run: StoredRun, _ tag: String, since: Int, holding share: Quota.Share?
  ) async throws(APIError) -> FastCGIResponse {
    let document = StatusDocument(id, run, since: since, usage: try await usage(of: id, run))
    let body = FastCGIResponse.Body.pieces(await pieces(of: document))
    var response = FastCGIResponse.json(body: body, headers: [("ETag", tag)])
    response.holding = share
    return response
  }

  /// What calls of models have used for a run, by step, where one of its steps may have made some; nil where the
  /// partition that counts them is down, and not the run's.
  private func usage(of id: JobID, _ run: StoredRun) async throws(APIError) -> [String: ModelUsage]? {
    guard run.facts.hasModelCalls else { return [:] }
    do { return try await partitions.usage(ofRun: id) } catch { throw APIError(reading: error) }
  }

  /// Renders the document; a large one in the global pool.
  private func pieces(of document: StatusDocument) async -> [[UInt8]] {
    if document.size <= Quotas.smallDocument { return document.pieces }
    return await withTaskExecutorPreference(globalConcurrentExecutor) { document.pieces }
  }

  /// Waits until the run has ended, the time has passed, the key is revoked or the server stops, without blocking a
  /// thread.
  private func waitForEnd(of id: JobID, _ limit: Duration, _ context: RequestContext) async throws(APIError) {
    let share = try quotas.longRequest()
    defer { withExtendedLifetime(share) {} }
    let outcome = await context.whileAllowed { await endOrTimeout(of: id, limit) }
    try context.checkKey()
    if Task.isCancelled { throw .clientGone }
    if case .failure(let error) = outcome { throw APIError(reading: error) }
  }

  /// The outcome of waiting for the end; nil when the time has passed.
  private func endOrTimeout(of id: JobID, _ limit: Duration) async -> Result<Void, StoreError>? {
    await withTaskGroup(of: Result<Void, StoreError>?.self) { group in
      group.addTask { await ended(id) }
      group.addTask {
        try? await Task.sleep(for: limit)
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
  }

  private func ended(_ id: JobID) async -> Result<Void, StoreError>? {
    let store = partitions.store(of: id)
    for await notification in events.watch(id, from: .max) {
      do throws(StoreError) {
        if case .update(let update, _) = notification {
          if update.status.isTerminal { return .success(()) }
          continue
        }
        guard let update = try await store.update(of: id, from: .max), !update.status.isTerminal else {
          return .success(())
        }
      } catch {
        return .failure(error)
      }
    }
    return nil
  }
}

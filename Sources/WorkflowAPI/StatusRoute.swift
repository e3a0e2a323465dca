import FastCGI
import Workflow
import WorkflowStore

/// `GET /status/{id}`: all that is known of a run; with `?wait=` once it has ended or the time is over.
///
/// The facts are read first, which is little; the documents only when they are to be sent. Large ones come over a
/// connection of their own, so that nobody else waits for them.
struct StatusRoute: Route {
  let method = "GET"
  let pattern = ["status", "*"]
  let store: RunStore
  /// The store on a connection for large documents.
  let documents: RunStore
  let events: RunEvents
  let allowances: Allowances

  /// Seconds that a client may wait.
  static let longestWait = 60

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let id = try JobID(path: argument, context)
    let query = QueryItems(request)
    let wait = try query.integer("wait", in: 0...StatusRoute.longestWait)
    let since = try query.integer("since", in: 0 ... .max) ?? 0
    var facts = try await facts(of: id)
    if let wait, wait > 0, !facts.status.isTerminal {
      try await waitForEnd(of: id, .seconds(wait))
      facts = try await self.facts(of: id)
    }
    if EntityTags.match(request.headers("If-None-Match"), facts.entityTag) {
      return FastCGIResponse(status: 304, headers: [("ETag", facts.entityTag), ("Cache-Control", "no-store")])
    }
    return try await document(of: id, since: since, facts)
  }

  private func facts(of id: JobID) async throws(APIError) -> RunFacts {
    let facts: RunFacts?
    do { facts = try await store.facts(of: id) } catch { throw APIError(reading: error) }
    guard let facts else { throw .noJob(id) }
    return facts
  }

  private func document(of id: JobID, since: Int, _ facts: RunFacts) async throws(APIError) -> FastCGIResponse {
    let (share, isLarge) = try allowances.document(facts.bytes)
    let run: StoredRun?
    do {
      run = try await (isLarge ? documents : store).status(of: id, since: since)
    } catch {
      throw APIError(reading: error)
    }
    guard let run else { throw .noJob(id) }
    let document = StatusDocument(id, run, since: since)
    let body = FastCGIResponse.Body.pieces(await pieces(of: document))
    var response = FastCGIResponse.json(body: body, headers: [("ETag", run.facts.entityTag)])
    response.holding = share
    return response
  }

  /// The document as text; a large one is put together where nobody else waits.
  private func pieces(of document: StatusDocument) async -> [[UInt8]] {
    if document.size <= Allowances.smallDocument { return document.pieces }
    return await withTaskExecutorPreference(globalConcurrentExecutor) { document.pieces }
  }

  /// Returns when the run has ended, when the time is over, or when the server stops; it holds no thread.
  private func waitForEnd(of id: JobID, _ limit: Duration) async throws(APIError) {
    let place = try allowances.place()
    defer { withExtendedLifetime(place) {} }
    let outcome = await withTaskGroup(of: Result<Void, StoreError>?.self) { group in
      group.addTask { await ended(id) }
      group.addTask {
        try? await Task.sleep(for: limit)
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
    if Task.isCancelled { throw .clientGone }
    if case .failure(let error) = outcome { throw APIError(reading: error) }
  }

  private func ended(_ id: JobID) async -> Result<Void, StoreError>? {
    for await look in events.watch(id, from: .max) {
      do throws(StoreError) {
        if case .news(let news, _) = look {
          if news.status.isTerminal { return .success(()) }
          continue
        }
        guard let news = try await store.news(of: id, from: .max), !news.status.isTerminal else { return .success(()) }
      } catch {
        return .failure(error)
      }
    }
    return nil
  }
}

extension RunFacts {
  /// Changes with every entry of the log and with the status, so with everything that a status shows.
  fileprivate var entityTag: String { "\"\(status.rawValue)-\(entries)\"" }
}

extension JobID {
  /// The id in a path.
  init(path argument: String, _ context: RequestContext) throws(APIError) {
    guard let id = JobID(argument) else { throw .notFound("there is no job of this id; an id is a UUID") }
    context.note("job", id.description)
    self = id
  }
}

extension APIError {
  /// The answer for an id that nobody knows, or not any more.
  static func noJob(_ id: JobID) -> APIError { .notFound("there is no job \(id), or it has expired") }
}

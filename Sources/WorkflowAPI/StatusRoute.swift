import FastCGI
import Workflow
import WorkflowStore

/// `GET /status/{id}`: all that is known of a run; with `?wait=` once it has ended or the time is over.
struct StatusRoute: Route {
  let method = "GET"
  let pattern = ["status", "*"]
  let store: RunStore
  let events: RunEvents

  /// Seconds that a client may wait.
  static let longestWait = 60

  /// Bytes that are put together in well under a millisecond.
  private static let shortDocument = 64 * 1_024

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let id = try JobID(path: argument, context)
    let query = QueryItems(request)
    let wait = try query.integer("wait", in: 0...StatusRoute.longestWait)
    let since = try query.integer("since", in: 0 ... .max) ?? 0
    if let wait, wait > 0 { try await waitForEnd(of: id, .seconds(wait)) }
    let run: StoredRun?
    do { run = try await store.status(of: id) } catch { throw APIError(reading: error) }
    guard let run else { throw .noJob(id) }
    let tag = "\"\(run.status.rawValue)-\(run.progress.count)\""
    if request.header("If-None-Match").map({ EntityTags.match($0, tag) }) == true {
      return FastCGIResponse(status: 304, headers: [("ETag", tag), ("Cache-Control", "no-cache")])
    }
    return .json(bytes: await bytes(of: StatusDocument(id, run, since: since)), headers: [("ETag", tag)])
  }

  /// The document as text; a large one is put together where nobody else waits.
  private func bytes(of document: StatusDocument) async -> [UInt8] {
    if document.size <= StatusRoute.shortDocument { return document.bytes }
    return await withTaskExecutorPreference(globalConcurrentExecutor) { document.bytes }
  }

  /// Returns when the run has ended, when the time is over, or when the server stops; it holds no thread.
  private func waitForEnd(of id: JobID, _ limit: Duration) async throws(APIError) {
    let outcome = await withTaskGroup(of: Result<Void, StoreError>?.self) { group in
      group.addTask { await ended(id) }
      group.addTask {
        try? await Task.sleep(for: limit)
        return nil
      }
      defer { group.cancelAll() }
      return await group.next() ?? nil
    }
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

/// Entity tags (RFC 9110, section 8.8.3).
enum EntityTags {
  /// Whether an `If-None-Match` names a tag, by weak comparison.
  static func match(_ header: String, _ tag: String) -> Bool {
    header.split(separator: ",").contains { part in
      let name = part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
      return String(name) == "*" || String(name) == tag || String(name) == "W/" + tag
    }
  }
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

import FastCGI
import WorkflowStore

/// `GET /status/{id}`: all that is known of a run.
struct StatusRoute: Route {
  let method = "GET"
  let pattern = ["status", "*"]
  let store: RunStore

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    guard let id = JobID(argument) else { throw .notFound("there is no job of this id; an id is a UUID") }
    context.note("job", id.description)
    let run: StoredRun?
    do { run = try await store.status(of: id) } catch { throw APIError(error) }
    guard let run else { throw .notFound("there is no job \(id), or it has expired") }
    return .json(bytes: StatusDocument(id, run).bytes)
  }
}

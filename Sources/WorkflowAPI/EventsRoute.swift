import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// `GET /status/{id}/events`: a run's progress as it comes, as server-sent events (WHATWG HTML, section 9.2).
///
/// Each progress entry is an event with its index as `id:`; `event: status` comes at the beginning, at each change, and
/// last. A client that comes back with `Last-Event-ID: N` goes on at N+1; one that has everything of an ended run gets
/// 204, which tells an `EventSource` not to come again.
struct EventsRoute: Route {
  let method = "GET"
  let pattern = ["status", "*", "events"]
  let store: RunStore
  let events: RunEvents
  let heartbeat: Duration

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let id = try JobID(path: argument, context)
    let first = try firstEntry(request)
    let news: RunNews?
    do { news = try await store.news(of: id, from: first) } catch { throw APIError(reading: error) }
    guard let news else { throw .noJob(id) }
    if news.status.isTerminal, news.entries.isEmpty, first > 0 {
      return FastCGIResponse(status: 204, headers: [("Cache-Control", "no-store")])
    }
    let headers = [
      (name: "Content-Type", value: "text/event-stream"), (name: "Cache-Control", value: "no-store"),
      (name: "X-Accel-Buffering", value: "no"),
    ]
    return FastCGIResponse(
      status: 200, headers: headers,
      body: .stream { stream in
        await EventFeed(id: id, store: store, stream: stream, next: first).run(
          events.watch(id, from: first), heartbeat: heartbeat)
      })
  }

  private func firstEntry(_ request: FastCGIRequest) throws(APIError) -> Int {
    if let last = request.header("Last-Event-ID"), !last.isEmpty {
      guard let index = Int(last), index >= 0, index < .max else {
        throw .invalid([
          ValidationFault(
            "value_error", [.key("header"), .key("last-event-id")],
            "Value error, Last-Event-ID should be the id of an event of this run", input: .string(last))
        ])
      }
      return index + 1
    }
    return try QueryItems(request).integer("since", in: 0 ... .max - 1) ?? 0
  }
}

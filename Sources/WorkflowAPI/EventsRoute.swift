import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// `GET /status/{id}/events`: the progress of a run as a stream of server-sent events (WHATWG HTML, section 9.2).
///
/// Each progress entry is an event with its index as `id:`; `event: status` follows the entries that are
/// there at the beginning, and is sent at each change, and last. A
/// client that reconnects with `Last-Event-ID: N` continues at N+1; one that has all events of an ended run gets 204,
/// which tells an `EventSource` not to reconnect. While Redis is unreachable the response is also 200, and the stream
/// waits: any other status would stop an `EventSource` for good.
struct EventsRoute: Route {
  let method = "GET"
  let pattern = ["status", "*", "events"]
  /// The partitions on the connection for documents.
  let partitions: Partitions
  let events: RunEvents
  let quotas: Quotas
  let heartbeat: Duration

  private static let since = QueryParameter(
    name: "since", range: 0...StatusRoute.longestLog,
    meaning: "the first entry that is sent, if there is no `Last-Event-ID`")
  private static let lastEventID = RouteDocumentation.Parameter(
    name: "Last-Event-ID", place: .header, schema: ["type": "string", "pattern": "^[0-9]{0,9}$"],
    meaning: "the id of the last event that the client has; the stream continues after it")

  var documentation: RouteDocumentation {
    RouteDocumentation(
      id: "getEvents", summary: "The progress of a run, as server-sent events",
      description: """
        Each entry of the log is an event whose data are a `ProgressEntry` and whose id is its index. `event: status` follows \
        the entries that are there at the beginning, and comes at each change, and last; its data have `status`. What a \
        model is writing comes as `text`, `token` and `reset`, whose data are a `TextEvent`. A stream that ends before a terminal status was cut off.
        """,
      parameters: [.jobID, Self.since.documentation, Self.lastEventID],
      answers: [
        .init(
          status: 200, meaning: "The events.", content: ("text/event-stream", Field.reference("Event")),
          example: .string(
            "id: 0\ndata: {\"ts\":1795460055.171802,\"msg\":\"enqueued\"}\n\n"
              + "event: status\ndata: {\"status\":\"queued\"}\n\n")),
        .empty(204, "The client has all events of a run that has ended."), .noJob, .invalid,
      ])
  }

  /// How long to wait for Redis before the stream starts without entries; some clients time out after 5 s.
  private static let firstReadTimeout = Duration.seconds(2)

  func answer(
    _ request: FastCGIRequest, argument: String, _ context: RequestContext
  ) async throws(APIError) -> FastCGIResponse {
    let id = try JobID(path: argument, context)
    let first = try firstEntry(request)
    let connectionShare = try quotas.longRequest()
    let share = await quotas.events.wait(for: RunStore.updatePortion)
    let update = try await update(of: id, from: first)
    if let update, update.isLast, update.entries.isEmpty, first > 0 {
      return FastCGIResponse(status: 204, headers: [("Cache-Control", "no-store")])
    }
    let headers = [
      (name: "Content-Type", value: "text/event-stream"), (name: "Cache-Control", value: "no-store"),
      (name: "X-Accel-Buffering", value: "no"),
    ]
    let initial = EventFeed.InitialUpdate(update: update, share: share)
    return FastCGIResponse(
      status: 200, headers: headers,
      body: .stream { stream in
        let store = partitions.store(of: id)
        let feed = EventFeed(id: id, store: store, events: events, quota: quotas.events, next: first) {
          bytes throws(FastCGIClientGone) in try await stream.write(bytes)
        }
        // A stream whose key is revoked ends without a status; a client that connects again gets 401.
        await context.whileAllowed { await feed.run(from: initial, heartbeat: heartbeat) }
        withExtendedLifetime(connectionShare) {}
      })
  }

  /// The first entries; nil while Redis is unreachable.
  private func update(of id: JobID, from first: Int) async throws(APIError) -> RunUpdate? {
    let update: RunUpdate?
    do {
      update = try await partitions.store(of: id).reading { store throws(StoreError) in
        try await store.update(of: id, from: first, within: Self.firstReadTimeout)
      }
    } catch {
      if error.status == 503 { return nil }
      throw error
    }
    guard let update else { throw .noJob(id) }
    return update
  }

  private func firstEntry(_ request: FastCGIRequest) throws(APIError) -> Int {
    // Looked at in any case: a faulty query is refused, not ignored.
    let since = try QueryItems(request).integer(Self.since)
    if let last = request.header("Last-Event-ID"), !last.isEmpty {
      guard let index = QueryItems.wholeNumber(last), index < StatusRoute.longestLog else {
        throw .invalid([
          ValidationFault(
            "value_error", [.key("header"), .key("last-event-id")],
            "Value error, Last-Event-ID should be the id of an event of this run", input: .string(last))
        ])
      }
      return index + 1
    }
    return since ?? 0
  }
}

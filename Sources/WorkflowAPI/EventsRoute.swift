import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// `GET /status/{id}/events`: the progress of a run as a stream of server-sent events (WHATWG HTML, section 9.2).
///
/// Each progress entry is an event with its index as `id:`; `event: status` is sent first, at each change, and last. A
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
        await feed.run(from: initial, heartbeat: heartbeat)
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
    if let last = request.header("Last-Event-ID"), !last.isEmpty {
      guard let index = QueryItems.wholeNumber(last), index < .max else {
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

import Curl
import ExactJSON

/// Follows a run to its end, by its event stream; opens the stream again when it breaks off.
struct RunFollower {
  let client: APIClient
  /// How long the API may be away: without an answer, or with 408, 429, 502, 503 or 504, as during a restart of the API
  /// or of nginx. Any other refusal ends the command at once.
  var patience = Duration.seconds(60)

  /// Shows a run until its end.
  /// - Returns: the status at its end.
  func follow(_ job: String, on display: any RunDisplay) async throws -> JSONObject {
    let status = try await status(of: job)
    display.begin(status.object, serverTime: status.serverTime)
    try await readEvents(of: job, on: display)
    let end = try await self.status(of: job).object
    display.end(end)
    return end
  }

  /// The status, once the API can tell it.
  private func status(of job: String) async throws -> APIClient.Status {
    let deadline = ContinuousClock.now + patience
    while true {
      do {
        return try await client.status(of: job)
      } catch let failure as CommandFailure where failure.isTransient && .now < deadline {
        try await Task.sleep(for: .milliseconds(200))
      }
    }
  }

  /// Reads the stream until the run has ended.
  private func readEvents(of job: String, on display: any RunDisplay) async throws {
    var lastID: String?
    // An event shows that the API is there; a stream that ends without one does not.
    var lastSeen = ContinuousClock.now
    while true {
      var obstacle = "its event stream ends without an event"
      do {
        guard let body = try await client.events(of: job, after: lastID) else { return }
        var events = ServerSentEvents()
        var pieces = body.makeAsyncIterator()
        while let piece = try await pieces.next() {
          for event in events.take(piece) {
            lastID = event.id ?? lastID
            if try show(event, on: display) { return }
          }
          lastSeen = .now
        }
      } catch let failure as CommandFailure where failure.isTransient {
        obstacle = failure.description
      } catch let error as HTTPError {
        let failure = client.failure(error)
        guard failure.isTransient else { throw failure }
        obstacle = failure.description
      }
      guard ContinuousClock.now - lastSeen < patience else {
        throw CommandFailure(
          "the API has been away for \(patience): \(obstacle)\nwf: the run may continue; follow it with: wf watch \(job)",
          code: .unavailable)
      }
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// Shows an event.
  /// - Returns: whether the run has ended with it.
  private func show(_ event: ServerSentEvents.Event, on display: any RunDisplay) throws -> Bool {
    switch event.name {
    case "status": return event.isEnd
    case nil: display.show(entry: event.data)
    default: break
    }
    return false
  }
}

extension ServerSentEvents.Event {
  /// Whether a status event says that nothing more will come.
  fileprivate var isEnd: Bool {
    let status = (try? JSONValue(parsing: data))?.objectValue?["status"]?.stringValue
    return ["finished", "failed", "cancelled"].contains(status)
  }
}

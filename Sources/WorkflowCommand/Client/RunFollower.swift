import Curl
import ExactJSON

/// Follows a run to its end, by its event stream; opens the stream again when it breaks off.
struct RunFollower {
  let client: APIClient
  /// How long the API may be away: without an answer, or with 408, 429, 502, 503 or 504, as during a restart of the API
  /// or of nginx. Any other refusal ends the command at once.
  var patience = Duration.seconds(60)

  /// Shows a run until its end, and says when the API goes away and when it is back.
  /// - Returns: the status at its end.
  func follow(_ job: String, on display: any RunDisplay) async throws -> JSONObject {
    let status = try await status(of: job, on: display)
    display.begin(status.object, serverTime: status.serverTime)
    if let sentence = Self.whatItWaitsFor(status.object, job) { display.say(sentence) }
    try await readEvents(of: job, on: display)
    let end = try await self.status(of: job, on: display).object
    display.end(end)
    return end
  }

  /// What a run waits for that no worker can change; nil for any other run.
  private static func whatItWaitsFor(_ status: JSONObject, _ job: String) -> String? {
    if status["paused"] == true { return "the run is paused; it continues after: wf resume \(job)" }
    let isNew = status["started_ts"] == .null
    guard isNew, let due = status["due_ts"]?.numberValue?.double else { return nil }
    return "the run starts at \(DateText.utc(Int(due)))"
  }

  /// Whether the API was there when it was asked last.
  private struct Presence {
    let display: any RunDisplay
    let patience: Duration
    private var isAway = false

    init(on display: any RunDisplay, patience: Duration) {
      self.display = display
      self.patience = patience
    }

    mutating func isAway(_ failure: CommandFailure) {
      if !isAway { display.say("\(failure) Waiting for up to \(patience.components.seconds) s.") }
      isAway = true
    }

    mutating func isBack() {
      if isAway { display.say("the API is back") }
      isAway = false
    }
  }

  /// The status, once the API can read it.
  private func status(of job: String, on display: any RunDisplay) async throws -> APIClient.Status {
    let deadline = ContinuousClock.now + patience
    var presence = Presence(on: display, patience: patience)
    while true {
      do {
        let status = try await client.status(of: job)
        presence.isBack()
        return status
      } catch let failure as CommandFailure where failure.isTransient && .now < deadline {
        presence.isAway(failure)
        try await Task.sleep(for: .milliseconds(200))
      }
    }
  }

  /// Reads the stream until the run has ended.
  private func readEvents(of job: String, on display: any RunDisplay) async throws {
    var lastID: String?
    var presence = Presence(on: display, patience: patience)
    // An event shows that the API is there; a stream that ends without one does not.
    var lastSeen = ContinuousClock.now
    while true {
      var obstacle = "its event stream ends without an event"
      do {
        let body = try await client.events(of: job, after: lastID)
        presence.isBack()
        guard let body else { return }
        var events = ServerSentEvents()
        var pieces = body.makeAsyncIterator()
        while let piece = try await pieces.next() {
          for event in events.take(piece) {
            lastID = event.id ?? lastID
            if try show(event, on: display) { return }
          }
          lastSeen = .now
        }
      } catch {
        let failure = try transient(error)
        obstacle = failure.description
        presence.isAway(failure)
      }
      guard ContinuousClock.now - lastSeen < patience else { throw tooLong(obstacle, job) }
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// A failure that may pass; throws any other.
  private func transient(_ error: any Error) throws -> CommandFailure {
    let failure = (error as? HTTPError).map(client.failure) ?? error as? CommandFailure
    guard let failure else { throw error }
    guard failure.isTransient else { throw failure }
    return failure
  }

  private func tooLong(_ obstacle: String, _ job: String) -> CommandFailure {
    CommandFailure(
      "the API has been away for \(patience.components.seconds) s: \(obstacle)\n"
        + "wf: the run may continue; follow it with: wf watch \(job)", code: .unavailable)
  }

  /// Shows an event.
  /// - Returns: whether the run has ended with it.
  private func show(_ event: ServerSentEvents.Event, on display: any RunDisplay) throws -> Bool {
    switch event.name {
    case "status": return event.isEnd
    case nil: display.show(entry: event.data)
    case "text", "token", "reset": TextPiece(event).map(display.show)
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

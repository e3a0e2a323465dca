import Curl
import ExactJSON

/// Follows a run to its end, by its event stream; comes back when the stream breaks off.
struct RunFollower {
  let client: APIClient
  /// How long the API may be away.
  private let patience = Duration.seconds(60)

  /// Shows a run as it goes on.
  /// - Returns: the status at its end.
  func follow(_ job: String, on display: any RunDisplay) async throws -> JSONObject {
    try await display.begin(status(of: job))
    var lastID: String?
    var awaySince: ContinuousClock.Instant?
    while true {
      do throws(HTTPError) {
        if try await stream(job, &lastID, display) { break }
        awaySince = nil
      } catch {
        guard error.isTransient || error == .cancelled else { throw CommandFailure("\(error)", code: .unavailable) }
      }
      awaySince = awaySince ?? .now
      if let awaySince, .now - awaySince > patience {
        throw CommandFailure("the API has been away for \(patience); wf watch \(job) goes on later", code: .unavailable)
      }
      try await Task.sleep(for: .seconds(1))
    }
    let status = try await status(of: job)
    display.end(status)
    return status
  }

  /// The status, once the API can tell it.
  private func status(of job: String) async throws -> JSONObject {
    let deadline = ContinuousClock.now + patience
    while true {
      do {
        return try await client.status(of: job)
      } catch let failure as CommandFailure where failure.code == .unavailable && .now < deadline {
        try await Task.sleep(for: .milliseconds(200))
      }
    }
  }

  /// Reads the stream once.
  /// - Returns: whether the run has ended.
  private func stream(
    _ job: String, _ lastID: inout String?, _ display: any RunDisplay
  ) async throws(HTTPError) -> Bool {
    let response = try await client.events(of: job, after: lastID)
    guard response.status == 200 else { return response.status == 204 }
    var events = ServerSentEvents()
    var pieces = response.body.makeAsyncIterator()
    while let piece = try await pieces.next() {
      for event in events.take(piece) {
        lastID = event.id ?? lastID
        if event.name == "status" {
          if event.isEnd { return true }
        } else if event.name == nil {
          display.show(entry: event.data)
        }
      }
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

/// Where a run is shown.
protocol RunDisplay: AnyObject {
  /// Shows the run as it stands.
  func begin(_ status: JSONObject)
  /// Shows a progress entry, given as JSON text.
  func show(entry: String)
  /// Shows how the run ended.
  func end(_ status: JSONObject)
}

import Curl
import ExactJSON
import ModelServer
import Synchronization
import Testing

@testable import WorkflowCommand

/// How `wf run` and `wf watch` follow a run through answers that are not what they should be.
@Suite struct RunFollowerTests {
  private static let running = ModelServer.Behaviour.status(
    200, headers: [("Content-Type", "application/json")], body: #"{"status":"started","steps":{}}"#)
  private static let finished = ModelServer.Behaviour.status(
    200, headers: [("Content-Type", "application/json")], body: #"{"status":"finished","steps":{}}"#)

  private static func events(_ text: String) -> ModelServer.Behaviour {
    .status(200, headers: [("Content-Type", "text/event-stream")], body: text)
  }

  /// Follows a run whose requests get these answers, one after another; the last stays.
  private func follow(
    _ behaviours: ModelServer.Behaviour..., patience: Duration = .seconds(60),
    on display: any RunDisplay = JSONDisplay()
  ) async throws -> JSONObject {
    let server = try ModelServer()
    defer { server.close() }
    server.script(behaviours.dropLast())
    server.behaviour = behaviours.last ?? .hangUp
    let client = try APIClient(.init(url: "http://127.0.0.1:\(server.port)"))
    return try await RunFollower(client: client, patience: patience).follow("1", on: display)
  }

  @Test func `An event stream that is not there ends the command with its reason`() async throws {
    let missing = ModelServer.Behaviour.status(404, body: #"{"detail":"there is no job 1"}"#)
    let failure = try await #require(throws: CommandFailure.self) {
      try await follow(RunFollowerTests.running, missing)
    }
    #expect(failure.code == .noInput)
    #expect(failure.description == "there is no job 1")
  }

  @Test(arguments: [301, 400, 401, 404, 500])
  func `A refusal that stays ends the command at once`(status: Int) async throws {
    let refusal = ModelServer.Behaviour.status(status, body: "<html>no</html>")
    let failure = try await #require(throws: CommandFailure.self) {
      try await follow(RunFollowerTests.running, refusal)
    }
    #expect(failure.code == .unavailable)
    #expect(failure.description.contains("answered \(status), but not as wf does"))
  }

  @Test func `A page in place of the event stream ends the command`() async throws {
    let page = ModelServer.Behaviour.status(200, headers: [("Content-Type", "text/html")], body: "<html>")
    let failure = try await #require(throws: CommandFailure.self) { try await follow(RunFollowerTests.running, page) }
    #expect(failure.description.contains("answered 200, but not as wf does"))
  }

  @Test(arguments: [502, 503, 504, 429])
  func `A refusal that may pass is retried, and ends the command when it stays`(status: Int) async throws {
    let refusal = ModelServer.Behaviour.status(status, body: #"{"detail":"the API is away"}"#)
    let end = RunFollowerTests.events("event: status\ndata: {\"status\":\"finished\"}\n\n")
    let followed = try await follow(RunFollowerTests.running, refusal, .hangUp, end, RunFollowerTests.finished)
    #expect(followed["status"] == "finished")
    let failure = try await #require(throws: CommandFailure.self) {
      try await follow(RunFollowerTests.running, refusal, patience: .milliseconds(10))
    }
    #expect(failure.code == .unavailable)
    #expect(failure.description.contains("the API is away"))
    #expect(failure.description.contains("wf watch 1"))
  }

  /// Keeps what is said.
  private final class Recorder: RunDisplay {
    let sentences = Mutex<[String]>([])
    func begin(_ status: JSONObject, serverTime: Int?) {}
    func show(entry: String) {}
    func end(_ status: JSONObject) {}
    func say(_ sentence: String) { sentences.withLock { $0.append(sentence) } }
  }

  @Test func `That the API is away, and that it is back, is said once each`() async throws {
    let refusal = ModelServer.Behaviour.status(502, body: #"{"detail":"the API is away"}"#)
    let end = RunFollowerTests.events("event: status\ndata: {\"status\":\"finished\"}\n\n")
    let display = Recorder()
    _ = try await follow(RunFollowerTests.running, refusal, refusal, end, RunFollowerTests.finished, on: display)
    #expect(display.sentences.withLock { $0 } == ["the API is away Waiting for up to 60 s.", "the API is back"])
    let calm = Recorder()
    _ = try await follow(RunFollowerTests.running, end, RunFollowerTests.finished, on: calm)
    #expect(calm.sentences.withLock { $0 }.isEmpty)
  }

  @Test func `Streams that end without an event do not keep the command for ever`() async throws {
    let failure = try await #require(throws: CommandFailure.self) {
      try await follow(RunFollowerTests.running, RunFollowerTests.events(""), patience: .milliseconds(10))
    }
    #expect(failure.code == .unavailable)
  }
}

import Curl
import ExactJSON
import ModelServer
import Synchronization
import Testing

@testable import WorkflowCommand

/// How `wf run` submits to an API that may be away.
@Suite struct SubmissionTests {
  private static let accepted = ModelServer.Behaviour.status(202, body: #"{"job_id":"1","status_url":"/status/1"}"#)
  private static let away = ModelServer.Behaviour.status(
    503, headers: [("Retry-After", "0")], body: #"{"detail":"Redis is away"}"#)

  /// What came of a submission.
  private struct Outcome {
    let job: String?
    let failure: CommandFailure?
    let sentences: [String]
    let keys: [String?]
  }

  /// Submits to an API that gives these answers, one after another; the last stays.
  private func submit(_ behaviours: ModelServer.Behaviour..., patience: Duration = .seconds(60)) async throws -> Outcome
  {
    let server = try ModelServer()
    defer { server.close() }
    server.script(behaviours.dropLast())
    server.behaviour = behaviours.last ?? .hangUp
    let sentences = Sentences()
    let client = try APIClient(.init(url: "http://127.0.0.1:\(server.port)"))
    let submission = Submission(client: client, patience: patience) { sentences.add($0) }
    var job: String?
    var failure: CommandFailure?
    do { job = try await submission.submit(Array("{}".utf8)) } catch { failure = error as? CommandFailure }
    let keys = server.calls.map { $0.headers["idempotency-key"] }
    return Outcome(job: job, failure: failure, sentences: sentences.all, keys: keys)
  }

  private final class Sentences: Sendable {
    private let kept = Mutex<[String]>([])
    var all: [String] { kept.withLock { $0 } }
    func add(_ sentence: String) { kept.withLock { $0.append(sentence) } }
  }

  @Test func `A submission is repeated with its key until the API takes it, and says so once`() async throws {
    let outcome = try await submit(Self.away, .status(502, headers: [("Retry-After", "0")]), Self.away, Self.accepted)
    #expect(outcome.job == "1")
    #expect(outcome.sentences == ["Redis is away Trying again for up to 60 s."])
    #expect(outcome.keys.count == 4 && Set(outcome.keys).count == 1)
    #expect(outcome.keys.first??.isEmpty == false)
    let other = try await submit(Self.accepted)
    #expect(other.job == "1" && other.sentences.isEmpty)
    #expect(other.keys.first != outcome.keys.first)
  }

  @Test func `An API that stays away ends the command`() async throws {
    let outcome = try await submit(Self.away, patience: .milliseconds(200))
    #expect(outcome.failure?.code == .unavailable && outcome.failure?.description == "Redis is away")
    let once = try await submit(Self.away, patience: .zero)
    #expect(once.failure?.code == .unavailable && once.keys.count == 1 && once.sentences.isEmpty)
    // Nobody waits for longer than the patience lasts.
    let late = ModelServer.Behaviour.status(503, headers: [("Retry-After", "61")], body: #"{"detail":"later"}"#)
    #expect(try await submit(late).keys.count == 1)
  }

  @Test(arguments: [400, 401, 404, 409, 413, 422, 500]) func `A refusal that stays is not repeated`(status: Int)
    async throws
  {
    let outcome = try await submit(.status(status, body: #"{"detail":"no"}"#), Self.accepted)
    #expect(outcome.failure != nil && outcome.keys.count == 1)
  }

  @Test func `A port that refuses is tried again`() async throws {
    let gone = try ModelServer()
    gone.close()
    let sentences = Sentences()
    let client = try APIClient(.init(url: "http://127.0.0.1:\(gone.port)"))
    let returned = Mutex<ModelServer?>(nil)
    let submission = Submission(client: client) { sentence in
      sentences.add(sentence)
      // The API is back.
      returned.withLock { server in
        server = try? ModelServer(port: gone.port)
        server?.behaviour = Self.accepted
      }
    }
    #expect(try await submission.submit([]) == "1")
    #expect(sentences.all.first?.contains("There is no connection to the server") == true)
    returned.withLock { $0?.close() }
  }
}

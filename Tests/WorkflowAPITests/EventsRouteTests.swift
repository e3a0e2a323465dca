import FastCGI
import Testing
import WorkflowStore

@testable import WorkflowAPI

@Suite(.timeLimit(.minutes(5))) struct EventsRouteTests {
  private let api: TestAPI

  init() throws { api = try TestAPI() }

  private func isStream(_ answer: Answer) -> Bool {
    if case .stream = answer.response.body { answer.status == 200 } else { false }
  }

  @Test func `Events are a stream that nginx does not buffer`() async throws {
    let id = try await api.submit()
    let answer = await api.answer("GET", "/status/\(id)/events")
    #expect(isStream(answer))
    #expect(answer.header("Content-Type") == "text/event-stream")
    #expect(answer.header("Cache-Control") == "no-store")
    #expect(answer.header("X-Accel-Buffering") == "no")
  }

  @Test func `A client that has all events of an ended run gets a 204, and any other a stream`() async throws {
    let id = try await api.submit()
    try await api.finish()
    let facts = try #require(try await api.partitions.store(of: id).facts(of: id))
    let target = "/status/\(id)/events"
    let last = facts.entries - 1
    #expect(await api.answer("GET", target, headers: ["Last-Event-ID": "\(last)"]).status == 204)
    #expect(await api.answer("GET", "\(target)?since=\(last + 1)").status == 204)
    #expect(isStream(await api.answer("GET", target, headers: ["Last-Event-ID": "\(last - 1)"])))
    #expect(isStream(await api.answer("GET", target, headers: ["Last-Event-ID": ""])))
  }

  @Test(arguments: ["x", "-1", "1.0", "9223372036854775807"])
  func `A Last-Event-ID that is no index is a 422`(_ id: String) async throws {
    let run = try await api.submit()
    let answer = await api.answer("GET", "/status/\(run)/events", headers: ["Last-Event-ID": id])
    #expect(answer.status == 422 && answer.faults == ["value_error at header.last-event-id"])
  }
}

import Curl
import ExactJSON
import ModelServer
import SystemHarness
import Testing

/// A thousand models that write at one time, and those who watch them.
@Suite struct ManyStreamsTests {
  private static let tokens = (0..<40).map { "w\($0)" + ($0 < 39 ? " " : "") }
  private static let text = tokens.joined()

  private static let body: JSONValue = [
    "run_name": "streamed", "inputs": [:],
    "steps": [["id": "llm", "op": "llm_summarize", "params": ["source": "x"]]],
  ]

  @Test(.timeLimit(.minutes(5)))
  func `1,000 streamed calls in one worker all complete, and 2,000 watchers of 200 see every token in order`()
    async throws
  {
    raiseFileLimit()
    let settings = ["WF_WORKER_RUNS": "1000", "WF_LEASE_S": "600"]
    try await Stack.withModel(settings: settings) { stack, model in
      model.behaviour = .pieces(
        [StreamedAnswerTests.head]
          + Self.tokens.flatMap { [StreamedAnswerTests.event($0), .pause(.milliseconds(100))] }
          + [.hold, StreamedAnswerTests.whole, .end])
      var ids: [String] = []
      for _ in 0..<1_000 { ids.append(try await stack.submit(Self.body)) }
      // The last ones: they begin while those who watch come.
      try await watch(Array(ids.suffix(200)), stack)
      // None has ended yet, so that all are under way at one time.
      try await model.waitForCalls(1_000)
      #expect(model.calls.count == 1_000)
      model.release()
      try await stack.waitForAllEnds(within: .seconds(120))
      for id in ids {
        let status = try await stack.status(id)
        #expect(status.at("result", "outputs", "llm", "summary") == .string(Self.text), "\(status)")
        #expect(status.at("steps", "llm", "attempts") == 1)
      }
    }
  }

  /// Has ten clients watch each run until they have the whole text.
  private func watch(_ ids: [String], _ stack: Stack) async throws {
    let client = HTTPClient(.init(maxConnectionsPerHost: 4_096))
    defer { client.close() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<2_000 {
        group.addTask {
          var events = try await EventReader(stack, ids[number % ids.count], client: client)
          var (seen, isInOrder) = ("", true)
          _ = try await events.take { event in
            guard let text = event.text else { return false }
            // The name, the step, the attempt, the offset, the text.
            let parts = text.split(separator: " ", maxSplits: 4)
            if parts[0] == "text" { seen = "" }
            isInOrder = isInOrder && parts[0] != "reset" && parts[3] == "\(seen.unicodeScalars.count)"
            seen += parts[4]
            return !isInOrder || seen.count >= Self.text.count
          }
          #expect(isInOrder && seen == Self.text, "\(seen)")
        }
      }
      try await group.waitForAll()
    }
  }
}

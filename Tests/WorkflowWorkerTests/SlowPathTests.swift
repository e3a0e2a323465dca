import ExactJSON
import Hiredis
import RedisFixture
import Testing
import Workflow
import WorkflowOperations
import WorkflowStore

/// A worker with a slow path to Redis.
@Suite(.timeLimit(.minutes(2))) struct SlowPathTests {
  private let bench: WorkerBench

  init() throws { bench = try WorkerBench() }

  @Test func `No run waits behind a large record, which is sent once however long it takes`() async throws {
    let size = 20
    let path = ThrottledPath(to: bench.server.socketPath, bytesPerSecond: 2 << 20)
    defer { path.close() }
    let address = try path.address
    try await bench.withWorkers([Preprocess()], at: address) {
      let text = String(repeating: "0123456789", count: 100_000)
      let steps = (0..<size).map {
        StepDefinition(id: "s\($0)", op: "preprocess", needs: [], params: ["field": "text"])
      }
      let large = try await bench.submit(steps, inputs: ["text": .string(text)])
      while path.bytesSent < 4 << 20 { try await ContinuousClock().sleep(for: .milliseconds(5)) }
      // The record is on its way, and takes eight seconds more.
      let small = try await bench.submit([steps[0]], inputs: ["text": "short"])
      let first = try await bench.end(of: small)
      #expect(first.status == .finished)
      let during = try #require(try await bench.status(of: large))
      #expect(during.status == .started, "the small run waited for the large one")
      let end = try await bench.end(of: large)
      #expect(end.status == .finished)
      #expect(path.bytesSent < 2 * size * text.utf8.count)
    }
  }
}

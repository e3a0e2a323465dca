import ExactJSON
import Hiredis
import Testing
import Workflow
import WorkflowOperations
import WorkflowStore

@testable import WorkflowWorker

/// How a worker executes runs, on a real Redis with operations of the tests' own.
@Suite(.timeLimit(.minutes(5))) struct ExecutorTests {
  private let bench: WorkerBench

  init() throws { bench = try WorkerBench() }

  @Test(arguments: [true, false])
  func `An operation that says it was cancelled while nothing stops the run fails its step`(
    isImmediate: Bool
  ) async throws {
    let quitter = Scripted("quit", isImmediate: isImmediate) { _ throws(StepError) in throw .cancelled }
    try await bench.withWorkers([quitter, Scripted("note")]) {
      let failed = try await bench.end(of: bench.submit([("a", "note"), ("b", "quit"), ("c", "note")]))
      #expect(failed.status == .failed && failed.facts.errorCode == "operation_failed")
      #expect(failed.facts.error == "step b: the operation says it was cancelled, but nothing stops the run")
      #expect(try await bench.end(of: bench.submit([("a", "note")])).status == .finished)
    }
  }

  @Test func `A run whose steps in Redis wait for each other fails, and other runs continue`() async throws {
    try await bench.withWorkers([Scripted("note")]) {
      let circle = [
        StepDefinition(id: "a", op: "note", needs: ["b"], params: [:]),
        StepDefinition(id: "b", op: "note", needs: ["a"], params: [:]),
      ]
      let failed = try await bench.end(of: bench.submit(circle))
      #expect(failed.status == .failed && failed.facts.error?.contains("each waits for another") == true)
      #expect(try await bench.end(of: bench.submit([("a", "note")])).status == .finished)
    }
  }

  @Test func `The outputs of a call are recorded before an immediate step that depends on it runs`() async throws {
    let bench = bench
    let look = Scripted("look", isImmediate: true) { [bench] invocation throws(StepError) in
      let status = try? await bench.status(of: try #require(JobID(invocation.job)))
      return .outputs(["entries": .number(JSONNumber(status?.progress.count ?? 0))])
    }
    try await bench.withWorkers([Scripted("call"), look]) {
      let run = try await bench.end(of: bench.submit([("a", "call"), ("b", "look"), ("c", "look")]))
      #expect(run.status == .finished)
      // enqueued, started, step_start and step_done of the call; what the immediate steps wrote came in one record
      // after.
      #expect(
        run.log.filter { $0.contains("entries") } == [
          #"{"msg":"step_done","step":"b","outputs":{"entries":4}}"#,
          #"{"msg":"step_done","step":"c","outputs":{"entries":4}}"#,
        ])
    }
  }

  @Test func `A run that needs an operation of another worker waits for that worker`() async throws {
    let note = Scripted("note")
    try await bench.withWorkers([note]) {
      let foreign = try await bench.submit([("a", "note"), ("b", "rare")])
      let ordinary = try await bench.submit([("a", "note")])
      #expect(try await bench.end(of: ordinary).status == .finished)
      let waiting = try await bench.run(foreign) { $0.status == .queued }
      #expect(waiting.log == [#"{"msg":"enqueued"}"#] && waiting.facts.startedAt == nil)
      #expect(note.calls.value == 1)
      try await bench.withWorkers([Scripted("note"), Scripted("rare")]) {
        let end = try await bench.end(of: foreign)
        #expect(end.status == .finished)
      }
    }
  }

  @Test func `Steps wait while the parameters of those in progress take as much as a run may`() async throws {
    let (started, latch) = (CallCount(), Latch())
    let hold = Scripted("hold") { _ in
      started.add()
      await latch.wait()
      return .outputs([:])
    }
    try await bench.withWorkers([hold], configure: { $0.maxRunBytes = 1 << 20 }) {
      let steps = (0..<8).map { StepDefinition(id: "s\($0)", op: "hold", needs: [], params: ["text": "@inputs.text"]) }
      let id = try await bench.submit(steps, inputs: ["text": .string(String(repeating: "x", count: 300_000))])
      while started.value < 3 { try await ContinuousClock().sleep(for: .milliseconds(1)) }
      // A step starts when its start is recorded.
      let log = try await bench.run(id) { _ in true }.log
      #expect(log.filter { $0.contains("step_start") }.count == 3)
      latch.open()
      let end = try await bench.end(of: id)
      #expect(end.status == .finished && hold.calls.value == 8)
    }
  }
}

import Testing
import Workflow
import WorkflowStore

@testable import WorkflowWorker

/// Which ended runs a worker remembers, and for how long.
@Suite struct EndedRunsTests {
  private let start = ContinuousClock.now
  private let ended = EndedRuns()

  private func batch(bytes: Int = 2) -> CheckpointBatch {
    var batch = CheckpointBatch(clock: RedisClock(), after: Timestamp(microseconds: 0))
    batch.checkpoint(step: "a", outputs: [UInt8](repeating: UInt8(ascii: "x"), count: bytes), inLog: false)
    return batch
  }

  private func keep(bytes: Int = 2, after seconds: Double = 0) -> HeldRun {
    let run = HeldRun(id: JobID(), token: "1")
    ended.keep(run, [batch(bytes: bytes)], at: start + .seconds(seconds))
    return run
  }

  @Test func `A run is dropped once a heartbeat that was sent five seconds after its end is answered`() {
    let (first, second) = (keep(), keep(after: 2))
    #expect(ended.settle(ended.runs, asked: start + .seconds(5), unfinished: []).isEmpty)
    #expect(ended.runs == [first, second])
    #expect(ended.settle(ended.runs, asked: start + .seconds(6), unfinished: []).isEmpty)
    #expect(ended.runs == [second])
  }

  @Test func `A run that Redis considers started is returned once, with its batches`() {
    let (first, second) = (keep(), keep())
    let lost = ended.settle(ended.runs, asked: start + .seconds(1), unfinished: [second.id, JobID()])
    #expect(lost.map(\.run) == [second] && lost.first?.batches.map(\.summary) == ["done a"])
    #expect(ended.runs == [first])
  }

  @Test func `A run that the heartbeat did not name is kept`() {
    let (first, second) = (keep(), keep())
    #expect(ended.settle([first], asked: start + .seconds(6), unfinished: []).isEmpty)
    #expect(ended.runs == [second])
  }

  @Test func `At most 1000 runs are kept, and 8 MiB of batches`() {
    for _ in 0..<1_001 { _ = keep() }
    #expect(ended.runs.count == 1_000)
    _ = ended.settle(ended.runs, asked: start + .seconds(6), unfinished: [])
    // A value for a store is sent twice, so a batch counts twice.
    _ = keep(bytes: 3 << 20)
    _ = keep(bytes: 3 << 20)
    #expect(ended.runs.count == 1)
    _ = ended.settle(ended.runs, asked: start + .seconds(6), unfinished: [])
    _ = keep(bytes: 3 << 20)
    #expect(ended.runs.count == 1)
  }
}

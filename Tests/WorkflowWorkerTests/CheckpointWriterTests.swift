import Logging
import Testing
import Workflow
import WorkflowStore

@testable import WorkflowWorker

/// How a writer gets the batches of one claim into Redis, without a Redis.
@Suite(.timeLimit(.minutes(5))) struct CheckpointWriterTests {
  private let runs = ActiveRuns(limit: 8)
  private let held = HeldRun(id: JobID(), token: "1-w")
  private let down = StoreError.unavailable(reason: "down", outcomeUnknown: true)

  private func batch(_ step: String, _ end: CheckpointBatch.End? = nil) -> CheckpointBatch {
    var batch = CheckpointBatch(clock: RedisClock(), after: Timestamp(microseconds: 0))
    batch.checkpoint(step: step, outputs: Array("{}".utf8), inLog: true)
    batch.end = end
    return batch
  }

  private let failure = CheckpointBatch.End.failed(StepFailure(.operationFailed, "no"))

  private func writer(_ store: ScriptedStore, ended: EndedRuns? = nil) -> CheckpointWriter {
    CheckpointWriter(held, activeRuns: runs, ended: ended, log: RunLog(.silent, held.id), send: store.send)
  }

  /// Has the worker hold the run while a body runs.
  private func hold<Value: Sendable>(
    isQuarantined: Bool = false, _ body: @escaping @Sendable () async -> Value
  ) async -> Value {
    await withCheckedContinuation { continuation in
      runs.acquire(held, isQuarantined: isQuarantined) { continuation.resume(returning: await body()) }
    }
  }

  @Test func `Batches are numbered from 1, and a refused number is used again`() async {
    let store = ScriptedStore([.success(.recorded), .success(.refused("no list", namespace: "s"))])
    let writer = writer(store)
    #expect(await writer.write(batch("a")) == .recorded)
    #expect(await writer.write(batch("b")) == .refused("no list", namespace: "s"))
    #expect(await writer.write(batch("c")) == .recorded)
    #expect(store.sent == ["1: done a", "2: done b", "2: done c"])
  }

  @Test func `A batch is sent until Redis answers`() async {
    let store = ScriptedStore([.failure(down), .failure(.damaged("odd")), .success(.recorded)])
    let writer = writer(store)
    let answer = await hold { [self] in await writer.write(batch("a")) }
    #expect(answer == .recorded)
    #expect(store.sent == ["1: done a", "1: done a", "1: done a"])
  }

  @Test func `A batch is sent also while the worker hands its runs back`() async {
    let store = ScriptedStore([.failure(down), .success(.recorded)])
    let writer = writer(store)
    let answer = await hold { [self] in
      runs.handBackAll()
      return await writer.write(batch("a"))
    }
    #expect(answer == .recorded && store.sent.count == 2)
  }

  @Test func `A run whose lease is lost while Redis is unreachable is not written`() async {
    let store = ScriptedStore([.failure(down), .success(.recorded)])
    let answer = await writer(store).write(batch("a"))
    #expect(answer == .lost("the lease was lost while Redis was unreachable"))
    #expect(store.sent.count == 1)
  }

  @Test func `Batches that Redis has lost are sent again, in order`() async {
    let store = ScriptedStore([.success(.recorded), .success(.recorded), .success(.behind(0))])
    let writer = writer(store)
    _ = await writer.write(batch("a"))
    _ = await writer.write(batch("b"))
    #expect(await writer.write(batch("c")) == .recorded)
    #expect(store.sent.suffix(4) == ["3: done c", "1: done a", "2: done b", "3: done c"])
  }

  @Test(arguments: [-1, 1, 7])
  func `A last batch that is none of the claim loses the run`(number: Int) async {
    let store = ScriptedStore([.success(.behind(number))])
    #expect(
      await writer(store).write(batch("a"))
        == .lost("Redis names batch \(number) as its last, which is none of this claim"))
    #expect(store.sent.count == 1)
  }

  @Test func `A run that another worker has is lost`() async {
    #expect(await writer(ScriptedStore([.success(.lost("started"))])).write(batch("a")) == .lost("started"))
  }

  @Test func `The batches of an ended run are kept if there is more than one`() async {
    let ended = EndedRuns()
    let (first, second) = (writer(ScriptedStore(), ended: ended), writer(ScriptedStore(), ended: ended))
    _ = await first.write(batch("a", failure))
    #expect(ended.runs.isEmpty)
    _ = await second.write(batch("a"))
    #expect(ended.runs.isEmpty)
    _ = await second.write(batch("b", .handedBack(asSuspect: false)))
    #expect(ended.runs.isEmpty)
    _ = await second.write(batch("c", failure))
    #expect(ended.runs == [held])
  }

  @Test func `A recorded step clears the run's quarantine, a recorded start does not`() async {
    let writer = writer(ScriptedStore())
    var start = CheckpointBatch(clock: RedisClock(), after: Timestamp(microseconds: 0))
    start.log(.stepStart(step: "a", op: "call"))
    await hold(isQuarantined: true) { [self, start] in
      _ = await writer.write(start)
      #expect(runs.hasQuarantined)
      _ = await writer.write(batch("a"))
      #expect(!runs.hasQuarantined)
    }
  }

  @Test func `A rewritten claim sends its last batch, and the others if Redis has lost them`() async {
    let store = ScriptedStore([.success(.behind(0))])
    let writer = CheckpointWriter(
      held, activeRuns: runs, history: [batch("a"), batch("b", failure)], log: RunLog(.silent, held.id),
      send: store.send)
    #expect(await writer.rewrite() == .recorded)
    #expect(store.sent == ["2: done b | failed: no", "1: done a", "2: done b | failed: no"])
  }
}

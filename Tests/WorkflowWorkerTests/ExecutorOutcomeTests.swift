import ExactJSON
import Testing
import Workflow
import WorkflowOperations
import WorkflowStore

@testable import WorkflowWorker

/// Every way in which an executor leaves a run, with a scripted store in place of Redis.
@Suite(.timeLimit(.minutes(5))) struct ExecutorOutcomeTests {
  private let runs = ActiveRuns(limit: 8)

  private func executor(_ store: ScriptedStore, _ operations: [any WorkflowOperations.Operation]) -> Executor {
    Executor(
      registry: OperationRegistry(operations),
      limits: .init(outputBytes: 1 << 20, runBytes: 1 << 20, progressEntryBytes: 1 << 10), activeRuns: runs,
      ended: EndedRuns(), clock: RedisClock(),
      texts: TextPublisher { $0.map { _ in .unanswered } }, send: store.send)
  }

  /// Executes a run as a worker does, until the executor leaves it.
  /// - Returns: the batches that were sent.
  private func execute(
    _ run: ClaimedRun, _ store: ScriptedStore = ScriptedStore(), _ operations: any WorkflowOperations.Operation...
  ) async -> [String] {
    let executor = executor(store, operations)
    await withCheckedContinuation { continuation in
      runs.acquire(run.held, isQuarantined: run.isSuspect) {
        await executor.execute(run, logger: .silent)
        continuation.resume()
      }
    }
    return store.sent
  }

  /// An operation that says when it has started, and then waits until it is cancelled or released.
  private func blocked(_ name: String, started: Latch, until latch: Latch? = nil) -> Scripted {
    Scripted(name) { _ throws(StepError) in
      started.open()
      if let latch {
        await latch.wait()
        return .outputs([:])
      }
      try? await Task.sleep(for: .seconds(3_600))
      throw .cancelled
    }
  }

  private let call = Scripted("call") { _ in .outputs(["text": "x"]) }
  private let note = Scripted("note", isImmediate: true)

  @Test func `A run whose steps succeed is finished`() async throws {
    let run = try ClaimedRun.make([.step("a", "call"), .step("b", "note", needs: ["a"])])
    let sent = await execute(run, ScriptedStore(), call, note)
    #expect(
      sent == ["1: started, start a *", "2: done a", "3: start b, done b, finish | finished"])
    #expect(call.calls.value == 1 && note.calls.value == 1)
  }

  @Test func `A run with a failed step is failed`() async throws {
    let fault = Scripted("fault") { _ throws(StepError) in throw .failed(StepFailure(.timeout, "late")) }
    let run = try ClaimedRun.make([.step("a", "fault"), .step("b", "note", needs: ["a"])])
    let sent = await execute(run, ScriptedStore(), fault, note)
    #expect(sent == ["1: started, start a *", "2: fail a, fail | failed: step a: late"])
    #expect(note.calls.value == 0)
  }

  @Test func `Calls run at the same time, and each starts once`() async throws {
    let both = (Latch(), Latch())
    let first = Scripted("first") { _ in
      both.0.open()
      await both.1.wait()
      return .outputs([:])
    }
    let second = Scripted("second") { _ in
      both.1.open()
      await both.0.wait()
      return .outputs([:])
    }
    let run = try ClaimedRun.make([.step("a", "first"), .step("b", "second")])
    let sent = await execute(run, ScriptedStore(), first, second)
    #expect(sent.first == "1: started, start a, start b *" && sent.last?.hasSuffix("| finished") == true)
    #expect(first.calls.value == 1 && second.calls.value == 1)
  }

  /// An operation that returns once another one has started.
  private func operation(after started: Latch) -> Scripted {
    Scripted("quick") { _ in
      await started.wait()
      return .outputs([:])
    }
  }

  @Test func `No call starts before its start is recorded`() async throws {
    let run = try ClaimedRun.make([.step("a", "call")])
    let sent = await execute(run, ScriptedStore([.success(.lost("queued"))]), call)
    #expect(sent == ["1: started, start a *"] && call.calls.value == 0)
  }

  @Test func `A run that is lost in the middle cancels its calls, and nothing more is sent`() async throws {
    let started = Latch()
    let slow = blocked("slow", started: started)
    let quick = operation(after: started)
    let run = try ClaimedRun.make([.step("a", "slow"), .step("b", "quick")])
    let sent = await execute(run, ScriptedStore([.success(.recorded), .success(.lost("finished"))]), slow, quick)
    #expect(sent == ["1: started, start a, start b *", "2: done b *"])
  }

  @Test func `A run whose lease is lost cancels its calls and writes nothing more`() async throws {
    let started = Latch()
    let slow = blocked("slow", started: started)
    let run = try ClaimedRun.make([.step("a", "slow")])
    async let sent = execute(run, ScriptedStore(), slow)
    await started.wait()
    #expect(runs.markLost([run.held]) == [run.held])
    #expect(await sent == ["1: started, start a *"])
  }

  @Test func `A run that is handed back cancels its calls and returns to its queue`() async throws {
    let started = Latch()
    let slow = blocked("slow", started: started)
    let run = try ClaimedRun.make([.step("a", "slow")])
    async let sent = execute(run, ScriptedStore(), slow)
    await started.wait()
    runs.handBackAll()
    #expect(await sent == ["1: started, start a *", "2:  | handed back"])
  }

  @Test func `A call that ends although it was cancelled is recorded before the run is handed back`() async throws {
    let (started, latch) = (Latch(), Latch())
    let stubborn = blocked("stubborn", started: started, until: latch)
    let run = try ClaimedRun.make([.step("a", "stubborn"), .step("b", "note", needs: ["a"])])
    async let sent = execute(run, ScriptedStore(), stubborn, note)
    await started.wait()
    runs.handBackAll()
    latch.open()
    #expect(await sent == ["1: started, start a *", "2: done a", "3:  | handed back"])
    #expect(note.calls.value == 0)
  }

  @Test func `A run that cannot be recorded ends as failed and cancels its calls`() async throws {
    let started = Latch()
    let slow = blocked("slow", started: started)
    let quick = operation(after: started)
    let run = try ClaimedRun.make([.step("a", "slow"), .step("b", "quick")])
    let refusal = WriteOutcome.refused("the document x is gone", namespace: nil)
    let sent = await execute(run, ScriptedStore([.success(.recorded), .success(refusal)]), slow, quick)
    #expect(sent.suffix(2) == ["2: done b *", "2: fail | failed: the document x is gone"])
  }

  @Test func `Batches that Redis has lost are written again, and no call is repeated`() async throws {
    let run = try ClaimedRun.make([.step("a", "call"), .step("b", "call", needs: ["a"])])
    let store = ScriptedStore([.success(.recorded), .success(.recorded), .success(.recorded), .success(.behind(1))])
    let sent = await execute(run, store, call)
    #expect(
      sent.suffix(4) == [
        "4: done b, finish | finished", "2: done a", "3: start b *", "4: done b, finish | finished",
      ])
    #expect(call.calls.value == 2)
  }

  @Test func `A run that cannot be read ends as failed`() async throws {
    let store = ScriptedStore()
    let run = HeldRun(id: JobID(), token: "1-w")
    await executor(store, []).giveUp(
      run, claimedAt: Timestamp(microseconds: 1), .damaged("the steps have another shape"), logger: .silent)
    #expect(
      store.sent == ["1: fail | failed: Redis does not hold what wf wrote: the steps have another shape"])
  }
}

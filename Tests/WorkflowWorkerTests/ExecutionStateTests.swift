import ExactJSON
import Testing
import Workflow
import WorkflowStore

@testable import WorkflowWorker

/// What the executor of a run does after each event; no Redis, no tasks.
@Suite struct ExecutionStateTests {
  private let unreachable = CheckpointWriter.Answer.lost("the lease was lost")

  @Test func `Immediate steps run one after the other and are written in one batch with the end`() throws {
    var run = try DrivenState([.step("a", "now"), .step("b", "now", needs: ["a"])])
    #expect(run.next() == "run a")
    #expect(run.done("a") == "run b")
    #expect(run.done("b") == "write started, start a, done a, start b, done b, finish | finished")
    #expect(run.written() == "leave finished")
  }

  @Test func `A call starts once its start is recorded, and the batch says that a step is in flight`() throws {
    var run = try DrivenState([.step("a", "call")])
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a")
    #expect(run.next() == "wait")
    #expect(run.done("a") == "write done a, finish | finished")
    #expect(run.written() == "leave finished")
  }

  @Test func `Results that arrive during a write are written together in the next batch`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "call"), .step("c", "call")])
    #expect(run.next() == "write started, start a, start b, start c *")
    #expect(run.written() == "start a b c")
    #expect(run.done("a") == "write done a *")
    #expect(run.done("b") == "wait")
    #expect(run.done("c") == "wait")
    #expect(run.written() == "write done b, done c, finish | finished")
    #expect(run.written() == "leave finished")
  }

  @Test func `The dependents of a call start once its outputs are recorded`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "now", needs: ["a"]), .step("c", "call", needs: ["b"])])
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a")
    #expect(run.done("a") == "write done a")
    #expect(run.written() == "run b")
    #expect(run.done("b") == "write start b, done b, start c *")
    #expect(run.written() == "start c")
  }

  @Test func `After a failure the steps that run may end, no step starts, and the run fails`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "call"), .step("c", "now", needs: ["a"])])
    #expect(run.next() == "write started, start a, start b *")
    #expect(run.written() == "start a b")
    #expect(run.failed("b") == "write fail b *")
    #expect(run.written() == "wait")
    #expect(run.done("a") == "write done a")
    #expect(run.written() == "write fail | failed: step b: no")
    #expect(run.written() == "leave failed: step b: no")
  }

  @Test func `A step whose operation the worker does not have fails`() throws {
    var run = try DrivenState([.step("a", "rare"), .step("b", "now")])
    #expect(
      run.next()
        == "write started, start a, fail a, fail | failed: step a: this worker has no operation rare")
    #expect(run.written() == "leave failed: step a: this worker has no operation rare")
  }

  @Test func `A step whose references lead nowhere fails before it starts`() throws {
    var run = try DrivenState([.step("a", "call", ["text": "@inputs.nothing"])])
    #expect(run.next().hasPrefix("write started, start a, fail a, fail | failed: step a: @inputs.nothing:"))
  }

  @Test func `A resumed run starts where its recorded steps end`() throws {
    var run = try DrivenState(
      [.step("a", "call"), .step("b", "call", needs: ["a"])], recorded: ["a": ["text": "x"]])
    #expect(run.next() == "write resumed, start b *")
  }

  @Test func `Calls whose parameters do not fit beside those that run start later`() throws {
    let text = JSONValue.string(String(repeating: "x", count: 40_000))
    let steps = ["a", "b", "c"].map { StepDefinition.step($0, "call", ["text": "@inputs.text"]) }
    var run = try DrivenState(steps, inputs: ["text": text], runBytes: 100_000)
    #expect(run.next() == "write started, start a, start b *")
    #expect(run.written() == "start a b")
    #expect(run.next() == "wait")
    #expect(run.done("a") == "write done a, start c *")
    #expect(run.written() == "start c")
  }

  @Test func `A definition whose steps wait for each other ends the run as failed`() throws {
    var run = try DrivenState([.step("a", "now", needs: ["b"]), .step("b", "now", needs: ["a"])])
    let why = "none of the steps that are left can start: each waits for another"
    #expect(run.next() == "write started")
    #expect(run.written() == "write fail | failed: \(why)")
    #expect(run.written() == "leave refused: \(why): recorded")
  }

  // MARK: Stops

  @Test func `A run that is handed back lets its calls end, records them and returns to its queue`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "call"), .step("c", "now", needs: ["a"])])
    #expect(run.next() == "write started, start a, start b *")
    #expect(run.written() == "start a b")
    run.stop = .handBack
    #expect(run.next() == "wait")
    #expect(run.cancelled("b") == "wait")
    #expect(run.done("a") == "write done a")
    #expect(run.written() == "write  | handed back")
    #expect(run.written() == "leave handed back: recorded")
  }

  @Test func `A call whose start is recorded after the stop does not start`() throws {
    var run = try DrivenState([.step("a", "call")])
    #expect(run.next() == "write started, start a *")
    run.stop = .handBack
    #expect(run.written() == "write  | handed back")
    #expect(run.written(unreachable) == "leave handed back: \(unreachable)")
  }

  @Test func `A run that is handed back after its last step ends instead`() throws {
    var run = try DrivenState([.step("a", "now")])
    #expect(run.next() == "run a")
    run.stop = .handBack
    #expect(run.done("a") == "write started, start a, done a, finish | finished")
    #expect(run.written() == "leave finished")
  }

  @Test func `A quarantined run is handed back to quarantine until one of its steps is recorded`() throws {
    let steps = [StepDefinition.step("a", "call"), .step("b", "call", needs: ["a"])]
    var run = try DrivenState(steps, isSuspect: true)
    #expect(run.next() == "write started, start a *")
    var other = run
    other.stop = .handBack
    #expect(other.written() == "write  | handed back to quarantine")
    #expect(run.written() == "start a")
    #expect(run.done("a") == "write done a")
    run.stop = .handBack
    #expect(run.written() == "write  | handed back")
  }

  @Test func `A lost run waits for its calls and writes nothing`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "call")])
    #expect(run.next() == "write started, start a, start b *")
    #expect(run.written() == "start a b")
    run.stop = .lost
    #expect(run.done("a") == "wait")
    #expect(run.cancelled("b") == "leave lost: it was ended, or its lease is lost")
  }

  @Test func `A batch that finds the run lost ends it at once, whatever runs`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "call")])
    #expect(run.next() == "write started, start a, start b *")
    #expect(run.written() == "start a b")
    #expect(run.done("a") == "write done a *")
    #expect(run.written(.lost("finished")) == "leave lost: finished")
  }

  @Test func `A step that says it was cancelled while nothing stops the run fails`() throws {
    var run = try DrivenState([.step("a", "now")])
    #expect(run.next() == "run a")
    let why = "step a: the operation says it was cancelled, but nothing stops the run"
    #expect(run.cancelled("a") == "write started, start a, fail a, fail | failed: \(why)")
    #expect(run.written() == "leave failed: \(why)")
  }

  // MARK: Refusals

  @Test func `A refused store fails the step that stored there and undoes its dependents`() throws {
    var run = try DrivenState([
      .step("a", "now"), .step("s", "now", needs: ["a"]), .step("b", "now", needs: ["s"]),
      .step("c", "call", needs: ["s"]),
    ])
    #expect(run.next() == "run a")
    #expect(run.done("a") == "run s")
    #expect(run.stored("s", in: "list") == "run b")
    #expect(
      run.done("b")
        == "write started, start a, done a, start s, done s, store s in list, start b, done b, start c *")
    #expect(
      run.written(.refused("no list", namespace: "list"))
        == "write started, start a, done a, start s, fail s, fail | failed: step s: no list")
    #expect(run.written() == "leave failed: step s: no list")
  }

  @Test func `A refused store undoes the end of a run`() throws {
    var run = try DrivenState([.step("s", "now"), .step("t", "now")])
    #expect(run.next() == "run s")
    #expect(run.stored("s", in: "list") == "run t")
    #expect(run.stored("t", in: "other").hasSuffix("finish | finished"))
    #expect(
      run.written(.refused("no list", namespace: "list"))
        == "write started, start s, start t, done t, store t in other, fail s, fail | failed: step s: no list")
  }

  @Test func `Calls that run when a store is refused may end, and are recorded`() throws {
    var run = try DrivenState([.step("a", "call"), .step("s", "call"), .step("b", "call", needs: ["a"])])
    #expect(run.next() == "write started, start a, start s *")
    #expect(run.written() == "start a s")
    #expect(run.stored("s", in: "list").contains("store s in list"))
    #expect(run.written(.refused("no list", namespace: "list")) == "write fail s *")
    #expect(run.written() == "wait")
    #expect(run.done("a") == "write done a")
    #expect(run.written() == "write fail | failed: step s: no list")
  }

  @Test func `Calls that were recorded with a refused value are recorded with the next batch`() throws {
    var run = try DrivenState([
      .step("a", "call"), .step("s", "call"), .step("x", "call"), .step("b", "call", needs: ["a"]),
    ])
    #expect(run.next() == "write started, start a, start s, start x *")
    #expect(run.written() == "start a s x")
    #expect(run.done("x") == "write done x *")
    #expect(run.stored("s", in: "list") == "wait")
    #expect(run.done("a") == "wait")
    #expect(run.written() == "write done s, store s in list, done a")
    #expect(run.written(.refused("no list", namespace: "list")) == "write done a, fail s")
    #expect(run.written() == "write fail | failed: step s: no list")
  }

  /// Calls of which the first takes 20 kB of parameters and the others 60 kB, in a run of 100 kB.
  private func largeCalls(_ ids: [String], then last: StepDefinition) throws -> DrivenState {
    let steps = ids.map { StepDefinition.step($0, "call", ["text": $0 == ids[0] ? "@inputs.short" : "@inputs.long"]) }
    let texts = [20_000, 60_000].map { JSONValue.string(String(repeating: "x", count: $0)) }
    return try DrivenState(steps + [last], inputs: ["short": texts[0], "long": texts[1]], runBytes: 100_000)
  }

  @Test func `A call that was to start when a store is refused does not start`() throws {
    var run = try largeCalls(["s", "a", "c"], then: .step("d", "call"))
    #expect(run.next() == "write started, start s, start a *")
    #expect(run.written() == "start s a")
    #expect(run.stored("s", in: "list") == "write done s, store s in list *")
    #expect(run.done("a") == "wait")
    #expect(
      run.written(.refused("no list", namespace: "list"))
        == "write done a, fail s, fail | failed: step s: no list")
    #expect(run.written() == "leave failed: step s: no list")
  }

  @Test func `Once a batch cannot be written no step starts`() throws {
    var run = try largeCalls(["a", "b", "c"], then: .step("d", "now"))
    #expect(run.next() == "write started, start a, start b *")
    #expect(run.written() == "start a b")
    #expect(run.done("a") == "write done a *")
    #expect(run.written(.refused("gone", namespace: nil)) == "write fail | failed: gone")
    #expect(run.done("b") == "wait")
    #expect(run.written() == "leave refused: gone: recorded")
  }

  @Test func `A batch that cannot be written ends the run as failed, whatever runs`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "call")])
    #expect(run.next() == "write started, start a, start b *")
    #expect(run.written() == "start a b")
    #expect(run.done("a") == "write done a *")
    #expect(run.written(.refused("gone", namespace: nil)) == "write fail | failed: gone")
    #expect(run.next() == "wait")
    #expect(run.done("b") == "wait")
    #expect(run.written() == "leave refused: gone: recorded")
  }
}

import ExactJSON
import Testing
import Workflow
import WorkflowOperations
import WorkflowStore

@testable import WorkflowWorker

/// What the executor does with steps that run once per item; no Redis, no tasks.
@Suite struct ForeachTests {
  private func foreach(_ count: Int, concurrency: Int = 10, keepsErrors: Bool = false) -> Foreach {
    var foreach = Foreach(.array((0..<count).map { .number(JSONNumber($0)) }))
    foreach.concurrency = concurrency
    foreach.keepsErrors = keepsErrors
    return foreach
  }

  private func outputs(_ batch: CheckpointBatch, of step: String) -> String? {
    for case .checkpoint(step, let outputs, _, _) in batch.items { return String(decoding: outputs, as: UTF8.self) }
    return nil
  }

  @Test func `Immediate items run one after the other and are recorded with the step`() throws {
    var run = try DrivenState([.step("a", "now", ["x": "@item"], foreach: foreach(3)), .step("b", "now", needs: ["a"])])
    #expect(run.next() == "run a:0")
    #expect(run.done("a:0", ["y": 0]) == "run a:1")
    #expect(run.done("a:1", ["y": 1]) == "run a:2")
    #expect(run.done("a:2", ["y": 2]) == "run b")
    #expect(run.done("b") == "write started, start a, progress a 3/3, done a, start b, done b, finish | finished")
  }

  @Test func `An empty array succeeds`() throws {
    var run = try DrivenState([.step("a", "call", foreach: foreach(0)), .step("b", "now", ["x": "@a.items"])])
    #expect(run.next() == "write started, start a, progress a 0/0, done a")
    #expect(run.written() == "run b")
    guard case .write(let batch) = run.action(after: .ended(.init(position: 1), .succeeded(.outputs([:])))) else {
      Issue.record("nothing is written")
      return
    }
    #expect(batch.end?.isFinal == true)
  }

  @Test func `As many items are in flight as the step allows, and each is recorded as it ends`() throws {
    var run = try DrivenState([.step("a", "call", foreach: foreach(4, concurrency: 2))])
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a:0 a:1")
    #expect(run.done("a:1") == "write item a:1, progress a 1/4 *")
    #expect(run.done("a:0") == "wait")
    #expect(run.written() == "start a:2")
    #expect(run.next() == "write item a:0, progress a 2/4 *")
    #expect(run.written() == "start a:3")
    #expect(run.done("a:3") == "write item a:3, progress a 3/4 *")
    #expect(run.written() == "wait")
    #expect(run.done("a:2") == "write progress a 4/4, done a, finish | finished")
  }

  @Test func `Recorded items do not run again`() throws {
    var run = try DrivenState(
      [.step("a", "call", foreach: foreach(4))],
      items: ["a:0": ["y": 0], "a:2": ["y": 2]])
    #expect(run.next() == "write resumed, progress a 2/4 *")
    #expect(run.written() == "start a:1 a:3")
    _ = run.done("a:1", ["y": 1])
    _ = run.written()
    guard
      case .write(let batch) = run.action(
        after: .ended(.init(position: 0, item: 3), .succeeded(.outputs(["y": 3]))))
    else {
      Issue.record("nothing is written")
      return
    }
    #expect(outputs(batch, of: "a") == #"{"items":[{"y":0},{"y":1},{"y":2},{"y":3}]}"#)
  }

  @Test func `The failure of an item fails the step once the others in flight have ended`() throws {
    var run = try DrivenState([.step("a", "call", foreach: foreach(4, concurrency: 2))])
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a:0 a:1")
    #expect(run.failed("a:0") == "write item a:0, progress a 1/4 *")
    #expect(run.written() == "wait")
    #expect(run.done("a:1") == "write item a:1, progress a 2/4, fail a, fail | failed: step a: item 0: no")
  }

  @Test func `Failures that are kept stand beside the outputs of the others`() throws {
    var run = try DrivenState([.step("a", "call", foreach: foreach(2, keepsErrors: true))])
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a:0 a:1")
    #expect(run.failed("a:0") == "write item a:0, progress a 1/2 *")
    #expect(run.written() == "wait")
    guard
      case .write(let batch) = run.action(
        after: .ended(.init(position: 0, item: 1), .succeeded(.outputs(["y": 1]))))
    else {
      Issue.record("nothing is written")
      return
    }
    #expect(
      outputs(batch, of: "a")
        == #"{"items":[null,{"y":1}],"errors":[{"item":0,"error_code":"operation_failed","error":"no"}]}"#)
  }

  @Test func `An item that waits holds its place, and the run is parked once only such items are left`() throws {
    var run = try DrivenState([.step("a", "call", foreach: foreach(3, concurrency: 2))])
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a:0 a:1")
    #expect(try run.repeats("a:0", after: .seconds(60)) == "write retry a:0 *")
    #expect(run.written() == "wait for a step")
    #expect(run.done("a:1") == "write item a:1, progress a 1/3 *")
    #expect(run.written() == "start a:2")
    #expect(run.done("a:2") == "write item a:2, progress a 2/3 | parked")
    #expect(run.written() == "leave parked")
  }

  @Test func `An item continues with its attempts where the run is taken up again`() throws {
    let attempts = try StepAttempts.make(failed: 2, due: Timestamp(microseconds: 0))
    var run = try DrivenState(
      [.step("a", "call", foreach: foreach(2))], items: ["a:1": ["y": 1]], attempts: ["a:0": attempts])
    #expect(run.next() == "write resumed, progress a 1/2 *")
    guard case .start(let steps) = run.action(after: .written(.recorded)) else {
      Issue.record("nothing starts")
      return
    }
    #expect(steps.map(\.invocation.earlier?.failed) == [2])
    let late = try StepAttempts.make(due: Timestamp(microseconds: 60_000_000))
    var waiting = try DrivenState(
      [.step("a", "call", foreach: foreach(2))], items: ["a:1": ["y": 1]], attempts: ["a:0": late])
    #expect(waiting.next() == "write resumed, progress a 1/2 | parked")
  }

  @Test func `A waiting item starts again in time, and the step ends`() throws {
    var run = try DrivenState([.step("a", "call", foreach: foreach(1)), .step("b", "now", needs: ["a"])])
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a:0")
    #expect(try run.repeats("a:0", after: .seconds(-1)) == "write retry a:0 *")
    #expect(run.written() == "start a:0")
    #expect(run.done("a:0") == "write progress a 1/1, done a")
    #expect(run.written() == "run b")
    #expect(run.done("b") == "write start b, done b, finish | finished")
    #expect(run.written() == "leave finished")
  }

  @Test func `The failure of another step stops the items that are left`() throws {
    var run = try DrivenState([.step("a", "call", foreach: foreach(9, concurrency: 1)), .step("b", "call")])
    #expect(run.next() == "write started, start a, start b *")
    #expect(run.written() == "start a:0 b")
    #expect(run.failed("b") == "write fail b *")
    #expect(run.written() == "wait")
    let end = run.done("a:0")
    #expect(end == "write item a:0, progress a 1/9, fail a, fail | failed: step b: no")
  }

  @Test func `Values of items are stored one by one, and a store that refuses them fails the step`() throws {
    var run = try DrivenState([.step("a", "now", foreach: foreach(2)), .step("b", "call", needs: ["a"])])
    #expect(run.next() == "run a:0")
    #expect(run.stored("a:0", in: "s") == "run a:1")
    #expect(
      run.stored("a:1", in: "s")
        == "write started, start a, store a:0 in s, store a:1 in s, progress a 2/2, done a, start b *")
    #expect(
      run.written(.refused("s is a hash", namespace: "s"))
        == "write started, start a, fail a, fail | failed: step a: s is a hash")
  }

  @Test(arguments: [JSONValue.string("@inputs.text"), "@inputs.many"])
  func `What is no array, or too long, fails the step`(_ array: JSONValue) throws {
    let inputs: JSONObject = ["text": "x", "many": .array(Array(repeating: 1, count: 10_001))]
    var run = try DrivenState([.step("a", "now", foreach: Foreach(array))], inputs: inputs)
    let action = run.next()
    #expect(
      action.hasSuffix("foreach must be an array; string is there")
        || action.hasSuffix("foreach: the array has 10001 items; a step may have 10000 (WF_MAX_ITEMS)"), "\(action)")
  }

  @Test func `The condition of a step is asked once, before its items`() throws {
    var run = try DrivenState([.step("a", "now", when: ["eq": [1, 2]], foreach: foreach(2))])
    #expect(run.next() == "write started, skip a, finish | finished")
  }

  @Test func `What was in flight beside a failed item runs again, and a due attempt fails with the run`() throws {
    let due = try StepAttempts.make(failed: 1, due: Timestamp(microseconds: 0))
    var run = try DrivenState(
      [.step("f", "call", foreach: foreach(2)), .step("b", "call"), .step("a", "call")],
      items: ["f:0": ["operation_failed", "no"]], attempts: ["a": due])
    #expect(run.next() == "write resumed, progress f 1/2, start b, start a, fail f *")
    #expect(run.written() == "start b a")
    #expect(run.done("b") == "write done b *")
    #expect(try run.repeats("a", after: .seconds(1), failed: 2) == "wait")
    #expect(run.written() == "write fail a, fail | failed: step f: item 0: no")
  }

  @Test func `No item is paid for once their outputs are too large`() throws {
    var run = try DrivenState([.step("a", "call", foreach: foreach(9, concurrency: 1))], runBytes: 10_000)
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a:0")
    let text = JSONValue.string(String(repeating: "x", count: 3_000))
    var last = ""
    for item in 0..<9 where !last.contains("failed") {
      last = run.done("a:\(item)", ["y": text])
      if !last.contains("failed") { _ = run.written() }
    }
    #expect(last.contains("WF_MAX_"))
  }
}

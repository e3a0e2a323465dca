import ExactJSON
import Testing
import Workflow
import WorkflowOperations
import WorkflowStore

@testable import WorkflowWorker

/// What the executor does with steps that are attempted again; no Redis, no tasks.
@Suite struct StepRetryTests {
  @Test func `A short wait keeps the run, a long one parks it`() throws {
    var run = try DrivenState([.step("a", "call")])
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a")
    #expect(try run.repeats("a", after: .milliseconds(200)) == "write retry a")
    #expect(run.written() == "wait for a step")
    #expect(run.next() == "wait")
    #expect(try run.repeats("a", after: .seconds(60)) == "write retry a | parked")
    #expect(run.written() == "leave parked")
  }

  @Test func `A step continues with another model at once, and that is recorded first`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "call", foreach: Foreach([1]))])
    #expect(run.next() == "write started, start a, start b *")
    #expect(run.written() == "start a b:0")
    #expect(try run.goesOn("a", with: "big") == "write retry a, a by big, start a *")
    #expect(try run.goesOn("b:0", with: "big") == "wait")
    #expect(run.written() == "start a")
    #expect(run.next() == "write retry b:0, b:0 by big *")
    guard case .start(let steps) = run.action(after: .written(.recorded)) else {
      Issue.record("the item does not start")
      return
    }
    #expect(steps.first?.invocation.earlier?.alternative == "big")
  }

  @Test func `A run that is taken up again continues with the model that it had come to`() throws {
    let failure = StepFailure(.timeout, "late")
    let attempts = try #require(
      StepAttempts(goingOnWith: "big", after: nil, failure, now: Timestamp(microseconds: 0)))
    var run = try DrivenState([.step("a", "call")], attempts: ["a": attempts])
    #expect(run.next() == "write resumed, start a *")
    guard case .start(let steps) = run.action(after: .written(.recorded)) else {
      Issue.record("the step does not start")
      return
    }
    #expect(steps.first?.invocation.earlier == attempts)
  }

  @Test func `An attempt whose time has come starts again`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "now", needs: ["a"])])
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a")
    #expect(try run.repeats("a", after: .seconds(-1)) == "write retry a, start a *")
    #expect(run.written() == "start a")
    #expect(run.done("a") == "write done a")
    #expect(run.written() == "run b")
  }

  @Test func `While another step runs the run waits in the worker, and is parked when that one has ended`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "call")])
    #expect(run.next() == "write started, start a, start b *")
    #expect(run.written() == "start a b")
    #expect(try run.repeats("a", after: .seconds(60)) == "write retry a *")
    #expect(run.written() == "wait for a step")
    #expect(run.done("b") == "write done b | parked")
    #expect(run.written() == "leave parked")
  }

  @Test func `A run is parked after what can be done has been done`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "call"), .step("c", "now", needs: ["b"])])
    #expect(run.next() == "write started, start a, start b *")
    #expect(run.written() == "start a b")
    #expect(try run.repeats("a", after: .seconds(60)) == "write retry a *")
    #expect(run.done("b") == "wait for a step")
    #expect(run.written() == "write done b")
    #expect(run.written() == "run c")
    #expect(run.done("c") == "write start c, done c | parked")
  }

  @Test func `A run that is taken up again keeps its attempts, and waits for what is left of its time`() throws {
    let attempts = try StepAttempts.make(failed: 2, due: Timestamp(microseconds: 3_600_000_000))
    var run = try DrivenState([.step("a", "call")], attempts: ["a": attempts])
    #expect(run.next() == "write resumed | parked")
    var due = try DrivenState(
      [.step("a", "call")], attempts: ["a": try .make(failed: 2, due: Timestamp(microseconds: 0))])
    #expect(due.next() == "write resumed, start a *")
    guard case .start(let steps) = due.action(after: .written(.recorded)) else {
      Issue.record("the step does not start")
      return
    }
    #expect(steps.first?.invocation.attempt == 3)
  }

  @Test(arguments: [Duration.milliseconds(200), .seconds(60)])
  func `After a step back of Redis's clock a run that is taken up again does not wait again`(_ wait: Duration) throws {
    // As recorded an hour ahead of the clock that it is now. If it waited in each claim, it would come to nothing until
    // the clock has caught up.
    let late = try StepAttempts.make(due: Timestamp(microseconds: 3_600_000_000), wait: wait)
    var run = try DrivenState([.step("a", "call")], attempts: ["a": late])
    #expect(run.next() == "write resumed, start a *")
    var items = try DrivenState([.step("a", "call", foreach: Foreach([1]))], attempts: ["a:0": late])
    #expect(items.next() == "write resumed, progress a 0/1 *")
    #expect(items.written() == "start a:0")
  }

  @Test func `A wait that is longer by less than a second, because clocks differ, is kept and bounded`() throws {
    let attempts = try StepAttempts.make(due: Timestamp(microseconds: 900_000), wait: .milliseconds(200))
    var run = try DrivenState([.step("a", "call")], attempts: ["a": attempts])
    #expect(run.next() == "write resumed")
    #expect(run.written() == "wait for a step")
  }

  @Test func `A waiting step fails with the run`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "call")])
    #expect(run.next() == "write started, start a, start b *")
    #expect(run.written() == "start a b")
    #expect(try run.repeats("a", after: .seconds(60)) == "write retry a *")
    #expect(run.written() == "wait for a step")
    #expect(run.failed("b") == "write fail b, fail a, fail | failed: step b: no")
  }

  @Test func `An attempt that fails beside a failure is not repeated`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "call")])
    #expect(run.next() == "write started, start a, start b *")
    #expect(run.written() == "start a b")
    #expect(run.failed("b") == "write fail b *")
    #expect(run.written() == "wait")
    #expect(try run.repeats("a", after: .seconds(60)) == "write fail a, fail | failed: step b: no")
  }

  @Test func `A worker that stops parks a run that waits`() throws {
    var run = try DrivenState([.step("a", "call")])
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a")
    run.stop = .handBack
    #expect(try run.repeats("a", after: .seconds(60)) == "write retry a | parked")
    var short = try DrivenState([.step("a", "call")])
    #expect(short.next() == "write started, start a *")
    #expect(short.written() == "start a")
    short.stop = .handBack
    #expect(try short.repeats("a", after: .milliseconds(200)) == "write retry a")
    #expect(short.written() == "write  | handed back")
  }

  @Test func `Without room in the run a step is not attempted again`() throws {
    var run = try DrivenState([.step("a", "call")], runBytes: 2_000)
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a")
    var last = ""
    for number in 1...100 where !last.contains("failed") {
      last = try run.repeats("a", after: .seconds(-1), failed: number)
      _ = run.written()
    }
    #expect(last.hasSuffix("the run has no room for another attempt (WF_MAX_RUN_BYTES)"))
  }
}

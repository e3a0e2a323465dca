import ExactJSON
import Testing
import Workflow
import WorkflowStore

@testable import WorkflowWorker

/// What the executor does with steps that are skipped, optional, or wait for a failure; no Redis, no tasks.
@Suite struct StepOutcomeTests {
  private static let german: JSONValue = ["eq": ["@a.lang", "de"]]

  @Test func `A step whose condition does not hold is skipped, and its dependents see null`() throws {
    var run = try DrivenState([
      .step("a", "now"), .step("b", "now", when: Self.german), .step("c", "now", ["x": "@b.text"]),
    ])
    #expect(run.next() == "run a")
    #expect(run.done("a", ["lang": "en"]) == "run c")
    #expect(run.done("c") == "write started, start a, done a, skip b, start c, done c, finish | finished")
  }

  @Test func `A condition that cannot be told fails the step`() throws {
    var run = try DrivenState([.step("a", "now"), .step("b", "now", when: ["lt": ["@a.n", 1]])])
    #expect(run.next() == "run a")
    #expect(
      run.done("a", ["n": "x"]).hasPrefix(
        "write started, start a, done a, start b, fail b, fail | failed: step b: when: "))
  }

  @Test func `The failure of an optional step is recorded with what its dependents do, and fails nothing`() throws {
    var run = try DrivenState([
      .step("a", "call", isOptional: true), .step("b", "now", ["x": "@a.text"]),
      .step("clean", "now", needs: [Need("a", on: .failed)]),
    ])
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a")
    #expect(run.failed("a") == "run b")
    #expect(run.done("b") == "run clean")
    #expect(run.done("clean") == "write fail a, start b, done b, start clean, done clean, finish | finished")
    #expect(run.written() == "leave finished")
  }

  @Test func `A step that waits for a failure starts once its start is recorded with the failure, then the run fails`()
    throws
  {
    var run = try DrivenState([
      .step("a", "call"), .step("b", "call", needs: ["a"]), .step("clean", "call", needs: [Need("b", on: .any)]),
      .step("x", "call"),
    ])
    #expect(run.next() == "write started, start a, start x *")
    #expect(run.written() == "start a x")
    #expect(run.failed("a") == "write fail a, start clean *")
    #expect(run.written() == "start clean")
    #expect(run.done("x") == "write done x *")
    #expect(run.done("clean") == "wait")
    #expect(run.written() == "write done clean, fail | failed: step a: no")
    #expect(run.written() == "leave failed: step a: no")
  }

  @Test func `A step that waits for a failure that does not come is skipped with the run's end`() throws {
    var run = try DrivenState([.step("a", "call"), .step("clean", "call", needs: [Need("a", on: .failed)])])
    #expect(run.next() == "write started, start a *")
    #expect(run.written() == "start a")
    #expect(run.done("a") == "write done a")
    #expect(run.written() == "write skip clean, finish | finished")
  }

  @Test func `A run that does not fail fast ends the rest first`() throws {
    var run = try DrivenState(
      [.step("a", "now"), .step("b", "now", needs: ["a"]), .step("x", "now"), .step("y", "now", needs: ["x"])],
      failsFast: false)
    #expect(run.next() == "run a")
    #expect(run.failed("a") == "run x")
    #expect(run.done("x") == "run y")
    #expect(
      run.done("y") == "write started, start a, fail a, start x, done x, start y, done y, fail | failed: step a: no")
  }

  @Test func `What is recorded of failures and skips is not done again`() throws {
    let steps: [StepDefinition] = [
      .step("a", "call"), .step("b", "call", needs: ["a"]), .step("clean", "call", needs: [Need("a", on: .failed)]),
    ]
    let failure = #"{"error_code":"timeout","error":"late","order":0,"in_flight":[]}"#
    var failed = try DrivenState(steps, ended: ["a": failure])
    #expect(failed.next() == "write resumed, start clean *")
    #expect(failed.written() == "start clean")
    #expect(failed.done("clean") == "write done clean, fail | failed: step a: late")
    var skipped = try DrivenState(steps, ended: ["a": #""skipped""#, "clean": #""skipped""#])
    #expect(skipped.next() == "write resumed, start b *")
    var over = try DrivenState(steps, recorded: ["clean": [:]], ended: ["a": failure])
    #expect(over.next() == "write resumed, fail | failed: step a: late")
  }

  @Test func `A step in flight at a failure runs again after a crash, and the first failure stays the run's`() throws {
    let steps: [StepDefinition] = [
      .step("late", "call"), .step("b", "call"), .step("a", "call"), .step("h", "now", needs: [Need("b", on: .failed)]),
    ]
    let ended = [
      "late": #"{"error_code":"timeout","error":"second","order":1,"in_flight":["b"]}"#,
      "a": #"{"error_code":"timeout","error":"first","order":0,"in_flight":["b","late"]}"#,
    ]
    var run = try DrivenState(steps, ended: ended)
    #expect(run.next() == "write resumed, start b *")
    #expect(run.written() == "start b")
    #expect(run.done("b") == "write done b")
    #expect(run.written() == "write skip h, fail | failed: step a: first")
  }

  @Test func `A failure is recorded with the steps in flight and its place among the failures`() throws {
    var run = try DrivenState([.step("a", "call"), .step("b", "call"), .step("c", "call")])
    #expect(run.next() == "write started, start a, start b, start c *")
    #expect(run.written() == "start a b c")
    #expect(
      run.ends(after: "b") == [#"b {"error_code":"operation_failed","error":"no","order":0,"in_flight":["a","c"]}"#])
    #expect(run.written() == "wait")
    #expect(run.ends(after: "c") == [#"c {"error_code":"operation_failed","error":"no","order":1,"in_flight":["a"]}"#])
  }

  @Test func `A step that is skipped for its needs is said before its dependents start`() throws {
    var run = try DrivenState([
      .step("a", "now"), .step("h", "now", needs: [Need("a", on: .failed)]), .step("after", "now", needs: ["h"]),
    ])
    #expect(run.next() == "run a")
    #expect(run.done("a") == "run after")
    #expect(run.done("after") == "write started, start a, done a, skip h, start after, done after, finish | finished")
  }

  @Test func `An optional step whose value a store refuses fails nothing, and its dependents see null`() throws {
    var run = try DrivenState([
      .step("o", "now", isOptional: true), .step("d", "now", ["x": "@o.items"]),
    ])
    #expect(run.next() == "run o")
    #expect(run.stored("o", in: "list") == "run d")
    #expect(run.done("d").hasSuffix("done d, finish | finished"))
    #expect(run.written(.refused("no list", namespace: "list")) == "run d")
    #expect(run.done("d") == "write started, start o, fail o, start d, done d, finish | finished")
  }

  @Test func `A failure that is undone with its batch is not the run's`() throws {
    var run = try DrivenState([.step("o", "now", isOptional: true), .step("d", "now", ["x": "@o.items"])])
    #expect(run.next() == "run o")
    #expect(run.stored("o", in: "list") == "run d")
    #expect(run.failed("d").hasSuffix("fail d, fail | failed: step d: no"))
    #expect(run.written(.refused("no list", namespace: "list")) == "run d")
    #expect(run.done("d") == "write started, start o, fail o, start d, done d, finish | finished")
  }

  @Test func `A store that refuses a value fails its step, and what waits for that failure runs`() throws {
    var run = try DrivenState([
      .step("s", "now"), .step("next", "now", needs: ["s"]), .step("clean", "now", needs: [Need("s", on: .failed)]),
    ])
    #expect(run.next() == "run s")
    #expect(run.stored("s", in: "list") == "run next")
    #expect(run.done("next").hasSuffix("skip clean, start next, done next, finish | finished"))
    #expect(run.written(.refused("no list", namespace: "list")) == "run clean")
    #expect(
      run.done("clean")
        == "write started, start s, fail s, start clean, done clean, fail | failed: step s: no list")
  }
}

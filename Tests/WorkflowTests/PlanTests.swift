import Testing
import Workflow

@Suite(.timeLimit(.minutes(5))) struct PlanTests {
  /// Takes all that is ready.
  private func ready(_ plan: inout Plan) -> [Int] {
    var taken: [Int] = []
    while let step = plan.takeReady() { taken.append(step) }
    return taken
  }

  @Test func `What waits for nothing is ready in the order in which it is written`() {
    var plan = Plan(StepGraph("c", "b: c", "a"))
    #expect(ready(&plan) == [0, 2])
    #expect(plan.open == 2)
    #expect(plan.takeReady() == nil)
  }

  @Test func `A step becomes ready when the last that it waits for is done`() {
    var plan = Plan(StepGraph("a", "b", "c: a b", "d: c"))
    #expect(ready(&plan) == [0, 1])
    plan.succeed(1)
    #expect(ready(&plan).isEmpty)
    plan.succeed(0)
    #expect(ready(&plan) == [2])
    #expect(!plan.isOver && plan.open == 1)
    plan.succeed(2)
    #expect(ready(&plan) == [3])
    plan.succeed(3)
    #expect(plan.isComplete && plan.isOver && plan.open == 0)
  }

  @Test func `Recorded steps never start again, and what they set free is ready at once`() {
    var plan = Plan(
      StepGraph("a", "b: a", "c: b", "d: a", "e: d c"), recorded: ["a": .done, "b": .done, "unknown": .done])
    #expect(ready(&plan) == [2, 3])
    plan.succeed(3)
    plan.succeed(2)
    #expect(ready(&plan) == [4])
    plan.succeed(4)
    #expect(plan.isComplete)
  }

  @Test func `A run of which every step is recorded is complete`() {
    var plan = Plan(StepGraph("a", "b: a"), recorded: ["a": .done, "b": .done])
    #expect(plan.isComplete && plan.isOver)
    #expect(plan.takeReady() == nil)
  }

  @Test func `After a failure nothing starts, and the run is over when the last open step has ended`() {
    var plan = Plan(StepGraph("a", "b", "c", "d: b"))
    #expect(plan.takeReady() == 0)
    #expect(plan.takeReady() == 1)
    plan.fail(0)
    #expect(plan.hasFailed && !plan.isOver)
    #expect(plan.takeReady() == nil)
    plan.succeed(1)
    #expect(plan.takeReady() == nil)
    #expect(plan.isOver && !plan.isComplete && plan.open == 0)
  }

  @Test func `Two failures at the same time end the run when both steps have ended`() {
    var plan = Plan(StepGraph("a", "b"))
    #expect(ready(&plan) == [0, 1])
    plan.fail(1)
    #expect(!plan.isOver)
    plan.fail(0)
    #expect(plan.isOver)
  }

  // A thousand steps are allowed. With a hundred times as many, anything quadratic takes longer than the limit.

  @Test func `A long chain runs in time proportional to its length`() {
    let count = 100_000
    var plan = Plan(StepGraph(count: count) { $0 == 0 ? [] : [$0 - 1] })
    for step in 0..<count {
      guard plan.takeReady() == step, plan.takeReady() == nil else {
        Issue.record("step \(step) is not the only one ready")
        return
      }
      plan.succeed(step)
    }
    #expect(plan.isComplete)
  }

  @Test func `A wide fan runs in time proportional to its width`() {
    let count = 100_000
    var plan = Plan(StepGraph(count: count + 2) { $0 == 0 ? [] : $0 <= count ? [0] : Array(1...count) })
    #expect(ready(&plan) == [0])
    plan.succeed(0)
    #expect(ready(&plan) == Array(1...count))
    for step in 1...count { plan.succeed(step) }
    #expect(ready(&plan) == [count + 1])
    plan.succeed(count + 1)
    #expect(plan.isComplete)
  }
}

import SeededRandom
import Testing

@testable import Workflow

/// What starts after steps that have failed or were skipped.
@Suite(.timeLimit(.minutes(5))) struct PlanOutcomeTests {
  /// Runs a plan to its end: each step ends as it is said here, else as done.
  private func started(_ plan: inout Plan, _ ends: [String: Plan.Outcome] = [:]) -> [String] {
    var started: [String] = []
    while let position = plan.takeReady() {
      let id = plan.graph.ids[position]
      started.append(id)
      plan.end(taken: position, ends[id] ?? .done)
    }
    return started
  }

  private static let failed = Plan.Outcome.failed(isOptional: false)
  private static let failedOptional = Plan.Outcome.failed(isOptional: true)

  @Test func `A step that waits for a failure runs after it, and is skipped without it`() {
    let graph = StepGraph("a", "b: a", "clean: b!", "after: clean", "x: b")
    var failing = Plan(graph)
    #expect(started(&failing, ["b": Self.failed]) == ["a", "b", "clean"])
    #expect(failing.isOver && failing.hasFailed)
    var going = Plan(graph)
    #expect(started(&going) == ["a", "b", "x", "after"])
    #expect(going.takeSkipped() == [2] && going.takeSkipped() == [] && going.isComplete)
  }

  @Test func `A step that waits for any end runs also where the other could not start`() {
    var plan = Plan(StepGraph("a", "b: a", "c: b", "always: c?", "only: c!"))
    #expect(started(&plan, ["a": Self.failed]) == ["a", "always", "only"])
    #expect(plan.outcome(of: 2) == .blocked && plan.isOver)
    var going = Plan(StepGraph("a", "always: a?"))
    #expect(started(&going) == ["a", "always"] && going.isComplete)
  }

  @Test func `The failure of an optional step counts as done, and as a failure for those that wait for one`() {
    var plan = Plan(StepGraph("a", "b: a", "c: a!", "d: b c"))
    #expect(started(&plan, ["a": Self.failedOptional]) == ["a", "b", "c", "d"])
    #expect(plan.isComplete && !plan.hasFailed)
  }

  @Test func `A skipped step counts as done`() {
    var plan = Plan(StepGraph("a", "b: a", "c: a!"))
    #expect(started(&plan, ["a": .skipped]) == ["a", "b"])
    #expect(plan.takeSkipped() == [2] && plan.isComplete)
  }

  @Test func `A run that does not fail fast runs all that does not depend on the failure`() {
    let graph = StepGraph("a", "b: a", "c: b", "x", "y: x", "z: y c")
    var patient = Plan(graph, failsFast: false)
    #expect(started(&patient, ["a": Self.failed]) == ["a", "x", "y"])
    #expect(patient.isOver && patient.hasFailed && patient.outcome(of: 2) == .blocked)
    var fast = Plan(graph)
    #expect(started(&fast, ["a": Self.failed]) == ["a"])
    #expect(fast.isOver)
  }

  @Test func `After a failure nothing starts but what waits for it`() {
    var plan = Plan(StepGraph("a", "b", "c", "clean: a!"))
    #expect(plan.takeReady() == 0 && plan.takeReady() == 1)
    plan.fail(0)
    #expect(plan.takeReady() == 3 && plan.takeReady() == nil)
    plan.succeed(3)
    plan.succeed(1)
    #expect(plan.isOver)
  }

  @Test func `Recorded ends decide as they did`() {
    let graph = StepGraph("a", "b: a", "clean: b!", "x: b")
    var failed = Plan(graph, recorded: ["a": .done, "b": Self.failed])
    #expect(failed.hasFailed && started(&failed) == ["clean"] && failed.isOver)
    var optional = Plan(graph, recorded: ["a": .done, "b": Self.failedOptional, "clean": .done])
    #expect(started(&optional) == ["x"] && optional.isComplete)
    var skipped = Plan(graph, recorded: ["a": .done, "b": .skipped])
    #expect(started(&skipped) == ["x"] && skipped.takeSkipped() == [2])
  }

  @Test func `Steps that are undone start again where their dependency's failure is what they wait for`() {
    var plan = Plan(StepGraph("store", "next: store", "clean: store!", "other"))
    #expect(plan.takeReady() == 0)
    #expect(plan.takeReady() == 3)
    plan.succeed(0)
    #expect(plan.takeReady() == 1)
    plan.succeed(1)
    plan.cancel(3)
    plan.revoke([(0, false)], dependents: [1, 2])
    #expect(plan.outcome(of: 1) == .blocked && plan.outcome(of: 3) == .blocked && plan.takeSkipped() == [])
    #expect(plan.takeReady() == 2)
    plan.succeed(2)
    #expect(plan.isOver)
  }

  @Test func `What a failure blocked may start when the failing step is undone`() {
    var plan = Plan(StepGraph("store", "bad: store", "other"))
    #expect(plan.takeReady() == 0)
    plan.succeed(0)
    #expect(plan.takeReady() == 2 && plan.takeReady() == 1)
    plan.fail(1)
    plan.cancel(2)
    #expect(plan.outcome(of: 2) == .blocked)
    plan.revoke([(0, true)], dependents: [1])
    #expect(!plan.hasFailed && plan.takeReady() == 1 && plan.takeReady() == 2)
  }

  @Test func `A step that had begun when another failed runs again, and decides what waits for it`() {
    let graph = StepGraph("a", "b", "c", "h: b!", "clean: a! b", "x: b?")
    var plan = Plan(graph, recorded: ["a": Self.failed], begun: ["b"])
    #expect(plan.takeReady() == 1 && plan.takeReady() == nil && plan.outcome(of: 2) == .blocked)
    plan.succeed(1)
    #expect(started(&plan) == ["clean", "x"])
    #expect(plan.takeSkipped() == [3] && plan.isOver)
  }

  @Test(arguments: [true, false]) func `Every step of a random graph ends by the rules`(failsFast: Bool) {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<2_000 {
      let graph = StepGraph(random: &generator)
      var plan = Plan(graph, failsFast: failsFast)
      var started: Set<Int> = []
      while let position = plan.takeReady() {
        #expect(started.insert(position).inserted)
        let isLate = failsFast && plan.hasFailed && !graph.waitsForFailure(position)
        #expect(!isLate && isAllowed(position, plan))
        let ends: [Plan.Outcome] = [.done, .done, .skipped, Self.failed, Self.failedOptional]
        plan.end(taken: position, ends.randomElement(using: &generator) ?? .done)
      }
      #expect(plan.isOver && plan.open == 0)
      for position in graph.ids.indices where !started.contains(position) {
        let mayStart = isAllowed(position, plan) && !(failsFast && plan.hasFailed && !graph.waitsForFailure(position))
        #expect(!mayStart, "\(graph) \(position)")
      }
    }
  }

  /// Whether all that a step waits for has ended as it needs it.
  private func isAllowed(_ position: Int, _ plan: Plan) -> Bool {
    plan.graph.dependencies[position].enumerated().allSatisfy { index, dependency in
      let outcome = plan.outcome(of: dependency)
      switch plan.graph.trigger(of: position, index) {
      case .any: return outcome != nil
      case .done: return outcome == .done || outcome == .skipped || outcome == Self.failedOptional
      case .failed: return outcome == .blocked || outcome == Self.failed || outcome == Self.failedOptional
      }
    }
  }
}

extension StepGraph {
  /// A graph of up to twelve steps, each of which waits for some before it.
  fileprivate init(random generator: inout SeededGenerator) {
    let count = Int.random(in: 1...12, using: &generator)
    var steps: [(id: String, dependencies: [Need])] = []
    for number in 0..<count {
      let needed = (0..<number).filter { _ in Int.random(in: 0..<3, using: &generator) == 0 }
      let needs = needed.map { Need("\($0)", on: Need.Trigger.allCases.randomElement(using: &generator) ?? .done) }
      steps.append(("\(number)", needs))
    }
    self.init(steps)
  }
}

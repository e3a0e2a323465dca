import ExactJSON
import Synchronization
import Testing
import Workflow
import WorkflowOperations

@testable import WorkflowStore
@testable import WorkflowWorker

/// What operations record of parts of their steps.
@Suite struct StepPartTests {
  /// What whoever records a part was told.
  private final class Answers: Sendable {
    private let state = Mutex<[StepError?]>([])
    var all: [StepError?] { state.withLock { $0 } }
    func add(_ error: StepError?) { state.withLock { $0.append(error) } }
  }

  private static let steps = [StepDefinition(id: "a", op: "call", needs: [], params: [:])]

  private func part(_ number: Int, _ outputs: JSONObject, _ answers: Answers) -> ExecutionState.Event {
    .part(
      PartRecord(unit: .init(position: 0), number: number, total: 200, outputs: outputs) { answers.add($0) })
  }

  private func items(_ action: ExecutionState.Action) -> [String] {
    guard case .write(let batch) = action else { return ["\(action)"] }
    return batch.items.compactMap { item in
      if case .item(let unit, let end) = item { "\(unit.name) \(String(decoding: end, as: UTF8.self))" } else { nil }
    }
  }

  @Test func `A part is confirmed when the batch is written that has it, and counts as a checkpoint`() throws {
    var state = try DrivenState(Self.steps)
    let answers = Answers()
    _ = state.next()
    #expect(state.written() == "start a")
    let first = state.action(after: part(0, ["x": 1], answers))
    guard case .write(let batch) = first else { return }
    #expect(items(first) == [#"a:0 {"x":1}"#] && batch.hasCheckpoint && batch.hasStepInFlight)
    // What comes meanwhile waits for the next batch.
    guard case .wait = state.action(after: part(1, ["x": 1], answers)) else {
      Issue.record("a second batch is written")
      return
    }
    #expect(answers.all.isEmpty)
    #expect(items(state.action(after: .written(.recorded))) == [#"a:1 {"x":1}"#])
    #expect(answers.all == [nil])
    _ = state.written()
    #expect(answers.all == [nil, nil])
  }

  @Test func `A part that is larger than the run may be is refused`() throws {
    var state = try DrivenState(Self.steps, runBytes: 4_096)
    let answers = Answers()
    _ = state.next()
    _ = state.written()
    _ = state.action(after: part(0, ["x": .string(String(repeating: "x", count: 5_000))], answers))
    guard case .failed(let failure)? = answers.all.first ?? nil else {
      Issue.record("it was taken")
      return
    }
    #expect(failure.code == .outputTooLarge)
  }

  @Test func `A step that is taken up again knows its parts, an item its own`() throws {
    var foreach = StepDefinition.Options()
    foreach.foreach = Foreach([1, 2])
    let steps = Self.steps + [StepDefinition(id: "b", op: "call", needs: [], params: [:], options: foreach)]
    var state = try DrivenState(steps, items: ["a:0": ["x": 1], "a:7": ["x": 2], "b:1:3": ["y": 3]])
    guard case .write = state.action(after: .due), case .start(let started) = state.action(after: .written(.recorded))
    else {
      Issue.record("nothing starts")
      return
    }
    let known = started.map { "\($0.invocation.step) \($0.invocation.item ?? -1) \($0.invocation.parts.known.count)" }
    #expect(Set(known) == ["a -1 2", "b 0 0", "b 1 1"])
    #expect(started.first?.invocation.parts.known[7] == ["x": 2])
  }

  @Test(arguments: [("a", nil, nil), ("a", 3, nil), ("a", 3, 12)] as [(String, Int?, Int?)])
  func `The names of parts tell them from items`(_ step: String, _ item: Int?, _ part: Int?) {
    let unit = StepUnit(step, item: item, part: part)
    #expect(StepUnit(name: unit.name) == unit)
  }

  @Test func `A part of a step that runs once has the name that an item has`() {
    #expect(StepUnit("a", part: 4).name == "a:4")
  }

  @Test func `A recording in a cancelled task ends`() async {
    let mailbox = PartMailbox()
    let task = Task { await mailbox.record(.init(position: 0), 0, 1, [:]) }
    _ = await mailbox.next()
    task.cancel()
    #expect(await task.value == .cancelled)
    let waiting = Task { await mailbox.next() == nil }
    waiting.cancel()
    #expect(await waiting.value)
  }
}

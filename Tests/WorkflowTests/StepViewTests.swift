import ExactJSON
import Testing
import Workflow

struct StepViewTests {
  /// A log of messages, the entry at position n written at n seconds.
  private func log(_ messages: ProgressMessage...) -> [ProgressHead?] {
    messages.enumerated().map { index, message in
      ProgressHead(message.entry(at: Timestamp(microseconds: index * 1_000_000)))
    }
  }

  private func view(
    _ id: String, _ op: String?, _ status: StepView.Status, attempts: Int = 0, from start: String? = nil,
    to end: String? = nil, done: Int? = nil
  ) -> StepView {
    var view = StepView(id: id, op: op)
    view.status = status
    view.attempts = attempts
    view.startedAt = start.map { Array($0.utf8)[...] }
    view.finishedAt = end.map { Array($0.utf8)[...] }
    view.doneEntry = done
    return view
  }

  @Test func `The log says of each step where it stands, how often it began, and when`() {
    let log = log(
      .started(run: "r"), .stepStart(step: "a", op: "note"), .stepDone(step: "a", .omitted(bytes: 1)),
      .stepStart(step: "b", op: "wait"), .stepFailed(step: "b", StepFailure(.timeout, "late")),
      .stepStart(step: "c", op: "note"))
    let known = ["a", "b", "c", "d"].map { StepView(id: $0, op: "known") }
    #expect(
      StepView.fold(log, known: known, isStarted: true) == [
        view("a", "note", .done, attempts: 1, from: "1.000000", to: "2.000000", done: 2),
        view("b", "wait", .failed, attempts: 1, from: "3.000000", to: "4.000000"),
        view("c", "note", .running, attempts: 1, from: "5.000000"),
        view("d", "known", .pending),
      ])
  }

  @Test func `Steps that only the log knows come in its order`() {
    let log = log(
      .stepStart(step: "z", op: "note"), .stepStart(step: "a", op: "note"), .stepDone(step: "z", .omitted(bytes: 1)))
    #expect(StepView.fold(log, isStarted: true).map(\.id) == ["z", "a"])
  }

  @Test(arguments: [0, 10, 40])
  func `Each of many steps is found again, whether its definition is at hand or not`(known: Int) {
    let ids = (0..<40).map { "s\($0)" }
    let starts = ids.map { ProgressMessage.stepStart(step: $0, op: "note") }
    let ends = ids.reversed().map { ProgressMessage.stepDone(step: $0, .omitted(bytes: 1)) }
    let log = (starts + ends).map { ProgressHead($0.entry(at: Timestamp(microseconds: 1))) }
    let views = StepView.fold(log, known: ids.prefix(known).map { StepView(id: $0) }, isStarted: true)
    #expect(views.map(\.id) == ids && views.allSatisfy { $0.status == .done && $0.attempts == 1 })
    #expect(views.map(\.doneEntry) == (0..<40).map { 79 - $0 })
  }

  @Test func `A step that began again keeps its first time and counts its attempts`() {
    let log = log(
      .stepStart(step: "a", op: "note"), .resumed, .stepStart(step: "a", op: "note"),
      .stepDone(step: "a", .omitted(bytes: 1))
    )
    #expect(
      StepView.fold(log, isStarted: false) == [
        view("a", "note", .done, attempts: 2, from: "0.000000", to: "3.000000", done: 3)
      ])
  }

  @Test func `A step that is run again with some of its items kept counts from there`() throws {
    let failed = log(.stepStart(step: "a", op: "note"), .stepFailed(step: "a", StepFailure(.timeout, "late")))
    let reset = ProgressHead(Array(#"{"ts":5.000000,"msg":"step_reset","step":"a"}"#.utf8))
    let progress = ProgressMessage.stepProgress(step: "a", done: 1, failed: 0, total: 2)
    let again = failed + [reset, ProgressHead(progress.entry(at: Timestamp(microseconds: 6_000_000)))]
    var expected = view("a", "note", .running, attempts: 1, from: "6.000000")
    expected.lastProgress = again.last ?? nil
    #expect(StepView.fold(again, isStarted: true) == [expected])
  }

  @Test func `In a run that has ended nothing runs any more`() {
    let log = log(.stepStart(step: "a", op: "note"), .failed(StepFailure(.workerCrashed, "thrice")))
    #expect(StepView.fold(log, isStarted: false) == [view("a", "note", .pending, attempts: 1, from: "0.000000")])
  }

  @Test func `A fallback marks its step, and like an entry that wf did not write changes nothing else`() {
    let log =
      log(.stepStart(step: "a", op: "note"), .modelFallback(step: "a", StepFailure(.timeout, "late"), usage: .null)) + [
        nil
      ]
    var degraded = view("a", "note", .running, attempts: 1, from: "0.000000")
    degraded.isDegraded = true
    #expect(StepView.fold(log, isStarted: true) == [degraded])
  }
}

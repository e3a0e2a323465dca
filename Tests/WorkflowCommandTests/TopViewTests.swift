import ExactJSON
import Testing

@testable import WorkflowCommand

/// What `wf top` draws of what the API has said.
@Suite struct TopViewTests {
  static let now = 1_764_500_075.0

  static func run(_ members: JSONObject = [:]) -> TopRun {
    let known: JSONObject = [
      "job_id": "0f8fad5b-d9cb-469f-a165-70867728950e", "run_name": "nightly report", "status": "started",
      "created_ts": 1_764_500_000, "started_ts": 1_764_500_010, "finished_ts": nil,
    ]
    guard let run = TopRun(members.members.reduce(into: known) { $0[$1.key] = $1.value }) else {
      preconditionFailure("a run has an id and a status")
    }
    return run
  }

  static func snapshot(_ started: [TopRun] = [run()], ended: [TopRun] = []) -> TopSnapshot {
    var snapshot = TopSnapshot(now: now)
    snapshot.health = ["warnings": ["3 callbacks were given up"], "workers": 2]
    snapshot.counts = [
      "queued": 12, "parked": 2, "started": 1, "finished": 800, "failed": 3, "cancelled": 0, "oldest_queued_s": 65,
    ]
    snapshot.workers = [
      ["id": "host-7-1f3c", "host": "db1", "runs": 5, "slots": 64, "age_s": 93_784, "state": "working"],
      ["id": "host-8-aaaa", "host": "db2", "runs": 0, "slots": 64, "age_s": 17, "state": "drained"],
    ]
    snapshot.usage = [
      ["model": "fast", "owner": "alice", "calls": 812, "failed": 3, "input_tokens": 401_220]
    ]
    snapshot.usage?[0]["cost"] = JSONNumber(text: "0.109203").map { .number($0) }
    (snapshot.started, snapshot.ended) = (started, ended)
    return snapshot
  }

  static func state(_ snapshot: TopSnapshot = snapshot()) -> TopState {
    var state = TopState(url: "http://127.0.0.1:8000")
    state.take(snapshot)
    return state
  }

  private func texts(_ state: TopState, width: Int, height: Int?) -> [String] {
    TopView(state: state, width: width, height: height).lines().map(\.text)
  }

  @Test(arguments: [20, 60, 90, 160, 400], [5, 12, 24, 60])
  func `A screen has as many lines as the terminal, none is wider, and the keys are in the last`(
    _ width: Int, _ height: Int
  ) {
    let runs = (0..<40).map { index in
      Self.run(["job_id": .string("0f8fad5b-d9cb-469f-a165-7086772895\(index + 10)"), "run_name": "漢字 e\u{301} 🙂"])
    }
    let lines = texts(Self.state(Self.snapshot(runs, ended: runs)), width: width, height: height)
    #expect(lines.count == height)
    #expect(lines.allSatisfy { $0.cells <= width })
    #expect(lines.last?.hasPrefix(" ↑↓ select") == true)
  }

  @Test func `Counts, workers, models and runs are there with what is known of them`() {
    var run = Self.run(["owner": "alice"])
    run.steps = [
      TopStep(id: "pre", ["op": "preprocess", "status": "done"]),
      TopStep(id: "map", ["op": "llm_summarize", "status": "running", "items": ["done": 120, "total": 1_000]]),
    ]
    let failed = Self.run([
      "job_id": "aaaaaaaa-d9cb-469f-a165-70867728950e", "status": "failed", "finished_ts": 1_764_500_070,
      "error": "the model answered 503",
    ])
    let text = texts(Self.state(Self.snapshot([run], ended: [failed])), width: 160, height: 40).joined(separator: "\n")
    for part in [
      "queued 10 oldest 1m5s", "parked 2", "finished 800", "workers 2  slots 5/128", "host-7-1f3c", "1d 2h",
      "3 callbacks were given up", "models today 812 calls", "cost 0.1092", "1/2  map 120/1000",
      "0f8fad5b-d9cb-469f-a165-70867728950e", "alice", "the model answered 503",
    ] { #expect(text.contains(part), "\(part)") }
  }

  @Test func `On 60 columns a run has its state, its time, the beginning of its id, its name and its step`() {
    var run = Self.run()
    run.steps = [TopStep(id: "llm", ["op": "llm_summarize", "status": "running"])]
    let lines = texts(Self.state(Self.snapshot([run])), width: 60, height: 24)
    let words = lines.first { $0.contains("0f8fad5b") }?.split(separator: " ").map(String.init)
    #expect(words == ["started", "1m5s", "0f8fad5b", "nightly", "report", "0/1", "llm"])
  }

  @Test func `Rates are those since the look before, and a count that falls has none`() {
    var state = TopState(url: "http://h")
    let start = ContinuousClock.now
    var snapshot = Self.snapshot()
    state.take(snapshot, at: start)
    snapshot.counts?["finished"] = 805
    snapshot.counts?["failed"] = 1
    state.take(snapshot, at: start + .seconds(4))
    #expect(state.rates == TopState.Rates(finished: 1.25, failed: 0, cancelled: 0))
    #expect(texts(state, width: 90, height: 24).contains { $0.contains("finished 805 +1.25/s") })
  }

  @Test func `What clients and models write cannot steer the terminal`() {
    let hostile = "a\u{1b}[2Jb\u{9b}1mc\n\u{202e}d"
    var snapshot = Self.snapshot([Self.run(["run_name": .string(hostile), "owner": .string(hostile)])])
    snapshot.health["warnings"] = [.string(hostile)]
    snapshot.workers?[0]["host"] = .string(hostile)
    snapshot.usage?[0]["model"] = .string(hostile)
    var state = Self.state(snapshot)
    for _ in 0..<2 {
      let text = texts(state, width: 200, height: 40).joined()
      #expect(!text.unicodeScalars.contains { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) || $0 == "\u{202e}" })
      _ = state.take(.enter)
      var run = Self.run(["run_name": .string(hostile), "error": .string(hostile)])
      run.steps = [TopStep(id: hostile, ["op": .string(hostile), "status": "running"])]
      state.take(run)
    }
  }

  @Test func `An API that is away is said, with what it said last, until it is back`() {
    var state = Self.state()
    state.fail("http://127.0.0.1:8000: connection refused", at: .now - .seconds(12))
    state.fail("http://127.0.0.1:8000: connection refused")
    let lines = texts(state, width: 60, height: 24)
    #expect(lines.contains { $0.hasPrefix(" ! NO ANSWER for 12s; ") })
    #expect(lines.contains { $0.contains("0f8fad5b") })
    state.take(Self.snapshot())
    #expect(!texts(state, width: 60, height: 24).contains { $0.contains("NO ANSWER") })
  }

  @Test func `A key that may not see the counts of all names sees its runs`() {
    var snapshot = Self.snapshot()
    (snapshot.counts, snapshot.workers, snapshot.usage) = (nil, nil, nil)
    let text = texts(Self.state(snapshot), width: 90, height: 24).joined(separator: "\n")
    #expect(text.contains("need a key with the role admin"))
    #expect(text.contains("workers 2"))
    #expect(text.contains("nightly report"))
  }

  @Test func `Styles are escape sequences, and colours are left out where they are not wanted`() {
    var line = StyledLine("a", .bad)
    line.add("b", .selected)
    #expect(line.rendered(isColored: true) == "\u{1b}[31ma\u{1b}[0m\u{1b}[7mb\u{1b}[0m")
    #expect(line.rendered(isColored: false) == "\u{1b}[1ma\u{1b}[0m\u{1b}[7mb\u{1b}[0m")
  }

  @Test(arguments: [
    ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字漢", 5, "漢字…"), ("漢字漢", 4, "漢…"), ("", 3, ""),
    ("e\u{301}x", 2, "e\u{301}x"),
    ("abc", 0, ""),
  ])
  func `A text is cut by the cells that it takes`(_ text: String, _ room: Int, _ cut: String) {
    #expect(text.cut(toCells: room).unicodeScalars.elementsEqual(cut.unicodeScalars))
    #expect(text.padded(toCells: room).cells == room)
  }

  @Test func `A text of marks alone is cut, too`() {
    let marks = "a" + String(repeating: "\u{301}", count: 10_000)
    #expect(marks.cut(toCells: 10).unicodeScalars.count <= 41)
  }
}

import ExactJSON

/// What `wf top` shows, and what keys change of it. Pure: its owner sends the requests.
struct TopState: Sendable {
  /// What is on the screen.
  enum Page: Sendable, Equatable {
    case runs
    /// The steps of a run.
    case steps(String)
  }

  /// What a key asks for.
  enum Request: Sendable, Equatable {
    case quit
    /// Gives the terminal back to the shell.
    case suspend
    /// Steers a run: a verb of the API, a job's id.
    case steer(String, String)
    /// Reads the steps of a run, and what models write for it.
    case open(String)
    case close
  }

  /// The rates of a second since the look before.
  struct Rates: Sendable, Equatable {
    var finished = 0.0
    var failed = 0.0
    var cancelled = 0.0
  }

  let url: String
  private(set) var snapshot: TopSnapshot?
  private(set) var rates = Rates()
  private(set) var page = Page.runs
  /// The run of the steps that are shown.
  private(set) var run: TopRun?
  /// What models are writing for it, by step or `step:item`; the end of each text.
  private(set) var texts: [(unit: String, text: String)] = []
  /// The job that is selected.
  private(set) var selected: String?
  /// The run whose cancellation waits for a yes.
  private(set) var confirming: TopRun?
  /// What became of the last wish.
  private(set) var note: String?
  /// Why there is no answer, and since when.
  private(set) var failure: (text: String, since: ContinuousClock.Instant)?
  /// The first step that is shown.
  private(set) var firstStep = 0
  private var lookedAt: ContinuousClock.Instant?

  init(url: String) { self.url = url }

  /// Runs in the order in which they are shown.
  private var runs: [TopRun] { (snapshot?.active ?? []) + (snapshot?.ended ?? []) }
  private var selectedRun: TopRun? {
    if case .steps = page { return run }
    return runs.first { $0.id == selected }
  }

  // MARK: Answers

  /// Takes what the API has said.
  mutating func take(_ next: TopSnapshot, at now: ContinuousClock.Instant = .now) {
    if let last = snapshot, let lookedAt, next.counts != nil, last.counts != nil {
      let seconds = max(0.001, (now - lookedAt) / .seconds(1))
      func rate(_ name: String) -> Double { Double(max(0, next.count(name) - last.count(name))) / seconds }
      rates = Rates(finished: rate("finished"), failed: rate("failed"), cancelled: rate("cancelled"))
    }
    (snapshot, lookedAt, failure) = (next, now, nil)
    if !runs.contains(where: { $0.id == selected }) { selected = runs.first?.id }
  }

  /// Takes the end of a look.
  mutating func take(_ result: Result<TopSnapshot, CommandFailure>) {
    switch result {
    case .success(let snapshot): take(snapshot)
    case .failure(let failure): fail(failure.description)
    }
  }

  /// Takes the steps of the run that is shown; nil: it is not there any more.
  mutating func take(_ run: TopRun?) {
    guard case .steps(let id) = page else { return }
    guard let run else { return note = "the run has expired" }
    if run.id == id { self.run = run }
  }

  /// Takes what a model writes.
  mutating func take(_ piece: TextPiece) {
    let known = texts.firstIndex { $0.unit.utf8.elementsEqual(piece.unit.utf8) }
    let before = piece.isFirst ? "" : known.map { texts[$0].text } ?? ""
    let text = String((before + piece.text).unicodeScalars.suffix(1_000))
    if let known { texts.remove(at: known) }
    texts.append((piece.unit, text))
    if texts.count > 64 { texts.removeFirst() }
  }

  /// A look had no answer.
  mutating func fail(_ text: String, at now: ContinuousClock.Instant = .now) {
    failure = (text, failure?.since ?? now)
  }

  /// A wish was fulfilled, or refused.
  mutating func show(note sentence: String) { note = sentence }

  // MARK: Keys

  /// Takes a key.
  mutating func take(_ key: TopKey) -> Request? {
    if let run = confirming {
      confirming = nil
      guard key == .character("y") || key == .character("Y") else {
        note = "not cancelled"
        return nil
      }
      return .steer("cancel", run.id)
    }
    note = nil
    switch key {
    case .suspend: return .suspend
    case .character("q"), .character("Q"): return .quit
    case .back: return close()
    case .character("h") where page != .runs: return close()
    case .enter, .character("l"): return open()
    case .character("c"): confirmCancel()
    case .character("p"): return pause()
    case .character("r"): return retry()
    default: move(key)
    }
    return nil
  }

  private mutating func close() -> Request? {
    guard page != .runs else { return nil }
    (page, run, texts, firstStep) = (.runs, nil, [], 0)
    return .close
  }

  private mutating func open() -> Request? {
    guard page == .runs, let chosen = selectedRun else { return nil }
    (page, run, texts, firstStep) = (.steps(chosen.id), chosen, [], 0)
    return .open(chosen.id)
  }

  private mutating func confirmCancel() {
    guard let run = selectedRun else { return }
    if run.isLive { confirming = run } else { note = "it is \(run.status): only a run that has not ended is cancelled" }
  }

  private mutating func pause() -> Request? {
    guard let run = selectedRun else { return nil }
    if run.isLive { return .steer(run.isPaused ? "resume" : "pause", run.id) }
    note = "it is \(run.status): only a run that has not ended is paused"
    return nil
  }

  private mutating func retry() -> Request? {
    guard let run = selectedRun else { return nil }
    if ["failed", "cancelled"].contains(run.status) { return .steer("retry", run.id) }
    note = "it is \(run.state): only a failed or cancelled run is retried"
    return nil
  }

  private mutating func move(_ key: TopKey) {
    let steps: [(TopKey, Int)] = [
      (.up, -1), (.character("k"), -1), (.down, 1), (.character("j"), 1), (.pageUp, -10), (.pageDown, 10),
      (.first, -1 << 20), (.character("g"), -1 << 20), (.last, 1 << 20), (.character("G"), 1 << 20),
    ]
    guard let step = steps.first(where: { $0.0 == key })?.1 else { return }
    guard page == .runs else {
      firstStep = max(0, min(firstStep + step, (run?.steps?.count ?? 1) - 1))
      return
    }
    let all = runs
    let position = all.firstIndex { $0.id == selected } ?? 0
    selected = all.isEmpty ? nil : all[max(0, min(position + step, all.count - 1))].id
  }
}

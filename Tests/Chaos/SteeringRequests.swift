import Curl
import ExactJSON
import SeededRandom
import SystemHarness

/// The requests that steer runs, each repeated until its outcome is known; their answers go into the ledger.
struct SteeringRequests: Sendable {
  let url: String
  let ledger: Ledger
  let timeline: Timeline
  private let http = HTTPClient()
  private static let attempts = 12

  init(url: String, ledger: Ledger, timeline: Timeline) {
    self.url = url
    self.ledger = ledger
    self.timeline = timeline
  }

  /// A response, and when it was asked for and came, by this host's clock.
  private struct Told {
    let sent: Double
    let answered: Double
    let status: Int
    let json: JSONObject
    /// Whether a primary may have answered that was none any more: of what it has written a replica would have to know,
    /// but what it reads is old.
    let isOld: Bool

    /// Whether the client cannot know what has become of its request.
    var isUnknown: Bool { status == 0 || status == 429 || status >= 500 || isOld }
    var sentence: String { json["detail"]?.stringValue ?? JSONValue.object(json).text }
  }

  private func send(
    _ method: String, _ path: String, _ body: JSONValue? = nil, _ generator: inout SeededGenerator
  ) async -> Told {
    let sent = WallClock.now
    let timeout = Duration.milliseconds(Int.random(in: 1_000...8_000, using: &generator))
    let headers = body == nil ? [] : [(name: "Content-Type", value: "application/json")]
    let response = try? await http.send(
      HTTPRequest(method: method, url: url + path, headers: headers, body: body?.bytes, timeout: timeout))
    let json = (try? response?.json) ?? JSONObject()
    let answered = WallClock.now
    let status = response?.status ?? 0
    let isOld = (method == "GET" || status >= 400) && timeline.hadRival(from: sent, to: answered)
    return Told(sent: sent, answered: answered, status: status, json: json, isOld: isOld)
  }

  private func pause(_ generator: inout SeededGenerator) async {
    try? await ContinuousClock().sleep(for: .milliseconds(Int.random(in: 100...500, using: &generator)))
  }

  // MARK: One run

  /// Steers a run.
  /// - Returns: the last answer.
  func steer(
    _ verb: Steering.Verb, _ run: Ledger.Accepted, _ generator: inout SeededGenerator
  ) async -> Steering.Answer {
    let step = run.steps.randomElement(using: &generator) ?? ""
    let body: JSONValue? = verb == .rerun ? ["from": .string(step)] : nil
    var last = Steering.Answer.unknown
    for _ in 0..<Self.attempts {
      let told = await send("POST", "/workflow/\(run.id)/\(verb.rawValue)", body, &generator)
      last = answer(verb, told)
      let steering = Steering(verb: verb, sent: told.sent, answered: told.answered, answer: last)
      let isOdd = !told.isUnknown && ![200, 202, 404, 409].contains(told.status)
      // What has ended a moment ago cannot have expired.
      let isGone = told.status == 409 && told.sentence.contains("submit it again")
      ledger.note { entries in
        entries.steered[run.id, default: []].append(steering)
        guard isOdd || isGone else { return }
        entries.surprises.append("\(verb) of \(run.id) was answered \(told.status): \(told.sentence)")
      }
      guard case .unknown = last else { break }
      await pause(&generator)
    }
    return last
  }

  private func answer(_ verb: Steering.Verb, _ told: Told) -> Steering.Answer {
    if told.isUnknown { return .unknown }
    guard told.status == (verb.reopens ? 202 : 200), let status = told.json["status"]?.stringValue else {
      return .refused(told.status)
    }
    return .done(status: status, generation: told.json["generation"]?.numberValue?.int)
  }

  // MARK: All runs of a batch

  /// Asks which runs would be steered; nothing is done.
  func ask(_ verb: Steering.Verb, _ batch: String, _ generator: inout SeededGenerator) async {
    let told = await send("POST", "/workflow/runs/\(verb.rawValue)?label=batch%3D\(batch)&dry_run=1", nil, &generator)
    let runs = told.json["runs"]?.arrayValue?.compactMap(\.objectValue) ?? []
    ledger.note { entries in
      entries.dryRuns += 1
      if told.isUnknown { return }
      if told.status != 200 || runs.contains(where: { $0["done"] != nil }) {
        entries.surprises.append("a dry run of \(verb) was answered \(told.status): \(told.sentence)")
      }
    }
  }

  /// Steers all runs of a batch, page by page.
  func sweep(_ verb: Steering.Verb, _ batch: String, _ generator: inout SeededGenerator) async {
    var cursor = ""
    for _ in 0..<Self.attempts {
      let path = "/workflow/runs/\(verb.rawValue)?label=batch%3D\(batch)&limit=5" + cursor
      let told = await send("POST", path, nil, &generator)
      ledger.note { entries in
        note(told, verb, batch, &entries)
      }
      if !told.isUnknown {
        guard let next = told.json["next"]?.stringValue else { return }
        cursor = "&cursor=" + next
        continue
      }
      await pause(&generator)
    }
  }

  private func note(_ told: Told, _ verb: Steering.Verb, _ batch: String, _ entries: inout Ledger.Entries) {
    // Of runs that it does not name, and of those that were steered before it broke off, nothing is known.
    entries.swept[batch, default: []].append(
      Steering(verb: verb, sent: told.sent, answered: told.answered, answer: .unknown))
    if told.isUnknown { return }
    guard told.status == 200 else {
      entries.surprises.append("\(verb) of a batch was answered \(told.status): \(told.sentence)")
      return
    }
    for run in (told.json["runs"]?.arrayValue ?? []).compactMap(\.objectValue) where run["done"] == true {
      guard let id = run["job_id"]?.stringValue, let status = run["status"]?.stringValue else { continue }
      let answer = Steering.Answer.done(status: status, generation: nil)
      entries.steered[id, default: []].append(
        Steering(verb: verb, sent: told.sent, answered: told.answered, answer: answer))
    }
  }

  /// Resumes whatever is paused.
  func resumeAll() async {
    var generator = SeededGenerator(seed: 1)
    let told = await send("POST", "/workflow/runs/resume?all=1&limit=1000", nil, &generator)
    ledger.note {
      $0.resumptions.append(Steering(verb: .resume, sent: told.sent, answered: told.answered, answer: .unknown))
    }
  }

  // MARK: Schedules

  /// Makes a schedule.
  /// - Returns: how far it has come by then; nil when it was not made.
  func make(_ ticking: Ticking, _ generator: inout SeededGenerator) async -> (time: Double, look: Ticking.Look)? {
    let body: JSONValue = [
      "every_s": .number(JSONNumber(ticking.period)), "missed": .string(ticking.missed),
      "overlap": .string(ticking.overlap), "run": ticking.workflow,
    ]
    for _ in 0..<Self.attempts {
      let told = await send("PUT", "/workflow/schedules/\(ticking.name)", body, &generator)
      if [200, 201].contains(told.status), let look = look(told) { return (told.answered, look) }
      if !told.isUnknown {
        ledger.note { $0.surprises.append("a schedule was answered \(told.status): \(told.sentence)") }
        return nil
      }
      await pause(&generator)
    }
    return nil
  }

  /// Looks at a schedule.
  /// - Returns: nil when it is not there, or nobody can tell.
  func look(at name: String, _ generator: inout SeededGenerator) async -> (time: Double, look: Ticking.Look?)? {
    for _ in 0..<Self.attempts {
      let told = await send("GET", "/workflow/schedules/\(name)", nil, &generator)
      if !told.isUnknown, told.status == 200 || told.status == 404 { return (told.sent, look(told)) }
      await pause(&generator)
    }
    return nil
  }

  private func look(_ told: Told) -> Ticking.Look? {
    guard let next = told.json["next_ts"]?.numberValue?.int, let runs = told.json["runs"]?.numberValue?.int,
      let skipped = told.json["skipped"]?.numberValue?.int
    else { return nil }
    return Ticking.Look(next: next, runs: runs, skipped: skipped)
  }

  /// Removes a schedule.
  /// - Returns: when it was known to be gone; nil when that is not known.
  func remove(_ name: String, _ generator: inout SeededGenerator) async -> Double? {
    for _ in 0..<Self.attempts {
      let told = await send("DELETE", "/workflow/schedules/\(name)", nil, &generator)
      if !told.isUnknown, told.status == 204 || told.status == 404 { return told.answered }
      await pause(&generator)
    }
    return nil
  }

  /// The names of all schedules; nil when nobody can tell.
  func schedules() async -> [String]? {
    var generator = SeededGenerator(seed: 2)
    let told = await send("GET", "/workflow/schedules", nil, &generator)
    guard !told.isUnknown, told.status == 200 else { return nil }
    return told.json["schedules"]?.arrayValue?.compactMap { $0.objectValue?["name"]?.stringValue }
  }
}

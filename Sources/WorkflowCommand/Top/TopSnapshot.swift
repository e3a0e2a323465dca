import ExactJSON

/// What the API has said at one look.
struct TopSnapshot: Sendable {
  /// When, in seconds since 1970 by this host's clock.
  var now: Double
  /// Empty when the API has not said.
  var health = JSONObject()
  /// Nil where the key may not see the counts of all names.
  var counts: JSONObject?
  /// Nil where the key may not see them.
  var workers: [JSONObject]?
  /// Runs that workers hold, the newest first.
  var started: [TopRun] = []
  /// Runs that wait, the newest first.
  var queued: [TopRun] = []
  /// Runs that have ended, the last end first.
  var ended: [TopRun] = []
  /// The use of models of the day, one for each owner and model; nil where the API does not say.
  var usage: [JSONObject]?

  /// The runs that have not ended.
  var active: [TopRun] { started + queued }

  /// A count of the health or of the counts.
  func count(_ name: String) -> Int {
    (counts?[name] ?? health[name])?.numberValue?.int ?? 0
  }
}

/// A run of a list.
struct TopRun: Sendable {
  let id: String
  let name: String
  let status: String
  let isPaused: Bool
  let owner: String?
  let created: Double
  let started: Double?
  let reopened: Double?
  let finished: Double?
  let due: Double?
  let error: String?
  /// What its calls of models have used; only in a status.
  let usage: JSONObject?
  /// Its steps, where the API was asked for them.
  var steps: [TopStep]?

  /// Reads a run of a list, or a status; nil when it is neither.
  init?(_ run: JSONObject) {
    func time(_ name: String) -> Double? { run[name]?.numberValue?.double }
    guard let id = run["job_id"]?.stringValue, let status = run["status"]?.stringValue else { return nil }
    self.id = id
    self.status = status
    name = run["run_name"]?.stringValue ?? ""
    isPaused = run["paused"] == true
    owner = run["owner"]?.stringValue
    created = time("created_ts") ?? 0
    (started, reopened) = (time("started_ts"), time("reopened_ts"))
    (finished, due) = (time("finished_ts"), time("due_ts"))
    error = run["error"]?.stringValue
    usage = run["usage"]?.objectValue
    steps = run["steps"]?.objectValue.map { $0.members.map { TopStep(id: $0.key, $0.value.objectValue ?? [:]) } }
  }

  /// Whether it has not ended.
  var isLive: Bool { status == "queued" || status == "started" }
  /// Its status, or that it is paused, as a word.
  var state: String { isPaused ? "paused" : status }

  /// How long it has been executed, or has waited; of one that was run again, from then on.
  func took(_ now: Double) -> Double {
    RunTable.took((created, started, reopened, finished), isStarted: status == "started", now: now)
  }
}

/// A step of a run.
struct TopStep: Sendable {
  let id: String
  let op: String
  let status: String
  let attempts: Int
  let started: Double?
  let finished: Double?
  /// Items that have ended, and all; only of a step that runs once per item.
  let items: (done: Int, failed: Int, total: Int)?

  init(id: String, _ step: JSONObject) {
    func time(_ name: String) -> Double? { step[name]?.numberValue?.double }
    self.id = id
    op = step["op"]?.stringValue ?? ""
    status = step["status"]?.stringValue ?? "?"
    attempts = step["attempts"]?.numberValue?.int ?? 0
    (started, finished) = (time("started_ts"), time("finished_ts"))
    items = step["items"]?.objectValue.map { items in
      func count(_ name: String) -> Int { items[name]?.numberValue?.int ?? 0 }
      return (count("done"), count("failed"), count("total"))
    }
  }

  /// Its id, with how many of its items have ended.
  var label: String { items.map { "\(id) \($0.done)/\($0.total)" } ?? id }
}

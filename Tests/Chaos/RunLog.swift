import ExactJSON

/// The log of a run, generation by generation.
struct RunLog: Sendable {
  /// What happened from a submission, a retry or a rerun on.
  struct Generation: Sendable {
    /// The steps that were recorded before, and are kept.
    var kept: Set<String>
    /// When the outputs of each step were there, in seconds since 1970 by Redis's clock.
    var done: [String: Double] = [:]
    /// When steps began.
    var starts: [(step: String, time: Double)] = []
    /// How it ended, and when; nil while it has not.
    var end: (message: String, time: Double)?
    /// Entries behind its end.
    var late = 0
  }

  private(set) var generations = [Generation(kept: [])]

  /// Reads the entries of a log.
  init(_ entries: [JSONObject]) {
    for entry in entries {
      let time = entry["ts"]?.numberValue?.double ?? 0
      add(entry["msg"]?.stringValue ?? "", entry["step"]?.stringValue ?? "", time)
    }
  }

  private mutating func add(_ message: String, _ step: String, _ time: Double) {
    let last = generations.count - 1
    switch message {
    case "retried": generations.append(Generation(kept: generations[last].kept.union(generations[last].done.keys)))
    case "step_reset": generations[last].kept.remove(step)
    default:
      if generations[last].end != nil { generations[last].late += 1 }
      if message == "step_start" { generations[last].starts.append((step, time)) }
      if message == "step_done" { generations[last].done[step] = time }
      if ["finished", "failed", "cancelled"].contains(message) { generations[last].end = (message, time) }
    }
  }

  /// How often the run was cancelled.
  var cancels: Int { generations.count { $0.end?.message == "cancelled" } }

  /// How often it was run again.
  var reopenings: Int { generations.count - 1 }

  /// When the outputs of the step of a call were there in its generation; nil when they never were.
  func time(of call: CallName) -> Double? {
    guard call.item == nil, generations.indices.contains(call.generation) else { return nil }
    return generations[call.generation].done[call.step]
  }
}

/// What the `Idempotency-Key` of a call to the model says: `job/step`, `job/step@generation`, either with `/item`.
struct CallName: Sendable {
  let job: String
  let step: String
  let generation: Int
  let item: String?

  /// Reads a key; nil when it is none.
  init?(_ key: String) {
    let parts = key.split(separator: "/").map(String.init)
    guard parts.count >= 2 else { return nil }
    let words = parts[1].split(separator: "@").map(String.init)
    job = parts[0]
    step = words[0]
    generation = words.count > 1 ? Int(words[1]) ?? 0 : 0
    item = parts.count > 2 ? parts[2] : nil
  }
}

import ExactJSON
import ModelServer

/// Holds the callbacks that came against the ends of runs.
struct CallbackJudge: Sendable {
  /// All requests that the receiver got.
  let calls: [ModelServer.Call]
  let losses: Losses

  /// The end of each generation was reported; and nothing else was, unless Redis has lost it.
  func judge(_ runs: [(run: Ledger.Accepted, log: RunLog)], _ verdict: inout Verdict) {
    var types: [String: [String]] = [:]
    for call in calls {
      let type = call.body?.objectValue?["type"]?.stringValue ?? "?"
      types[call.headers["webhook-id"] ?? "?", default: []].append(type)
    }
    verdict.callbacks = calls.count
    verdict.repeatedCallbacks = calls.count - types.count
    for (run, log) in runs where run.workflow.objectValue?["callback_url"] != nil {
      for (number, generation) in log.generations.enumerated() {
        let id = number == 0 ? run.id : "\(run.id)-\(number)"
        let came = types.removeValue(forKey: id) ?? []
        guard let end = generation.end else { continue }
        if !came.contains("run.\(end.message)") {
          verdict.lost.append("the callback \(id) of run.\(end.message) did not come")
        }
        let others = came.filter { $0 != "run.\(end.message)" }
        if !others.isEmpty, !losses.happened {
          verdict.duplicated.append("the callback \(id) of run.\(end.message) came as \(others), too")
        }
      }
    }
    if !losses.happened {
      verdict.wrong += types.keys.sorted().map { "the callback \($0) came of no end" }
    }
  }
}

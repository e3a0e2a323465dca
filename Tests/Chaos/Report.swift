/// What is printed at the end.
struct Report: Sendable {
  let seed: UInt64
  let told: Ledger.Entries
  let verdict: Verdict
  let faults: [String: Int]
  /// What was done when.
  let history: [String]
  let recoveries: Recoveries
  /// How long it took after each harm of a primary until one took writes.
  let failovers: [Duration]
  /// Whether accepted runs may be lost: no replica is waited for. Then nothing is held against it.
  let mayLose: Bool
  /// Processes that ended by themselves or did not come back, answers that no client should get.
  let surprises: [String]

  /// Whether everything is as it was promised.
  var isGood: Bool {
    if mayLose { return true }
    let faults = [verdict.lost, verdict.duplicated, verdict.wrong, verdict.robbed, verdict.afterCancel, surprises]
    return faults.allSatisfy(\.isEmpty) && verdict.failedOtherwise.isEmpty && verdict.repairs.isEmpty && late.isEmpty
  }

  /// A line for each figure, then one for each thing that is wrong.
  var lines: [String] { mayLose ? ["without WF_WAIT_REPLICAS"] + figures : figures + details }

  private var figures: [String] {
    let answers = told.answers.filter { $0.key >= 500 || $0.key == 429 }.sorted { $0.key < $1.key }
    return [
      "seed \(seed)",
      "accepted \(told.accepted.count)",
      "finished \(verdict.finished)",
      "failed by design \(verdict.failedByDesign)",
      "cancelled \(verdict.cancelled)",
      "failed otherwise \(list(verdict.failedOtherwise))",
      "lost \(verdict.lost.count)",
      "gone with Redis's last second \(verdict.gone)",
      "duplicated \(verdict.duplicated.count)",
      "wrong \(verdict.wrong.count)",
      "written after a cancel \(verdict.afterCancel.count)",
      "generations cancelled \(verdict.cancels), opened again \(verdict.reopenings)",
    ] + steeringLines + [
      "callbacks \(verdict.callbacks), of them again \(verdict.repeatedCallbacks)",
      "repairs \(list(verdict.repairs))",
      "runs taken from living workers \(verdict.robbed.count)",
      "model calls \(verdict.calls), made again after a failure or a death \(verdict.repeatedCalls), "
        + "by a worker back from a pause after the recording \(verdict.lateCalls)",
      "faults \(list(faults))",
      "kills \(faults.filter { $0.key.hasPrefix("SIGKILL") }.values.reduce(0, +))",
      "requests that got \(answers.isEmpty ? "5xx 0" : answers.map { "\($0.key) \($0.value)" }.joined(separator: ", "))"
        + ", no answer \(told.unanswered)",
      recoveryLine,
    ] + failoverLines + [
      "surprises \(surprises.count)"
    ]
  }

  /// What was wanted of runs, and how it was answered.
  private var steeringLines: [String] {
    let all = told.steered.values.flatMap { $0 }
    let verbs = Steering.Verb.allCases.map { verb in
      let counts = Dictionary(all.filter { $0.verb == verb }.map { ($0.kind, 1) }, uniquingKeysWith: +)
      return "\(verb) \(list(counts))"
    }
    let runs = told.steered.count
    let sweeps = told.swept.values.reduce(0) { $0 + $1.count }
    return verbs + [
      "runs steered \(runs), requests for batches \(sweeps), dry runs \(told.dryRuns)",
      "schedules \(told.ticking.count), ticks fired \(verdict.ticks), left out \(verdict.skippedTicks)",
    ]
  }

  private var failoverLines: [String] {
    if failovers.isEmpty { return [] }
    let all = failovers.map(\.seconds).sorted()
    return [
      "seconds until a primary took writes p50 \(rounded(all[all.count / 2])), max \(rounded(all[all.count - 1])) "
        + "of \(all.count)"
    ]
  }

  private var recoveryLine: String {
    let all = recoveries.samples
    let plain = all.filter { !$0.isExtended }.map(\.sinceDeath.seconds).sorted()
    let extended = all.filter(\.isExtended).map(\.counted.seconds)
    let p50 = plain.isEmpty ? 0 : plain[plain.count / 2]
    return "recovery seconds p50 \(rounded(p50)), max \(rounded(plain.last ?? 0)) of \(plain.count) runs; "
      + "after an outage of Redis or of all workers max \(rounded(extended.max() ?? 0)) of \(extended.count), counted "
      + "from its end; bound \(rounded(recoveries.bound.seconds)), late \(late.count)"
  }

  private var late: [Recoveries.Sample] { recoveries.samples.filter { $0.counted > recoveries.bound } }

  /// Enough of each to begin with.
  private var details: [String] {
    let lateRuns = late.map {
      "run \($0.id) of \($0.part) after \(rounded($0.counted.seconds)) s (\(rounded($0.sinceDeath.seconds)) s after its death)"
    }
    let kinds = [
      ("lost", verdict.lost), ("duplicated", verdict.duplicated), ("wrong", verdict.wrong), ("late", lateRuns),
      ("written after a cancel", verdict.afterCancel), ("taken from a living worker", verdict.robbed),
      ("surprise", surprises),
    ]
    return kinds.flatMap { name, sentences in sentences.prefix(20).map { "\(name): \($0)" } } + verdict.histories
      + (isGood ? [] : history)
  }

  private func list(_ counts: [String: Int]) -> String {
    let total = counts.values.reduce(0, +)
    let parts = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    return parts.isEmpty ? "0" : "\(total) (\(parts.joined(separator: ", ")))"
  }

  private func rounded(_ seconds: Double) -> String { "\((seconds * 100).rounded() / 100)" }
}

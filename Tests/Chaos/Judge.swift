import ExactJSON
import Hiredis
import ModelServer
import SystemHarness

/// Holds what lies in Redis, and what the model was asked, against what the clients were told.
struct Judge: Sendable {
  let stack: Stack
  let site: Site
  let told: Ledger.Entries
  let calls: [ModelServer.Call]
  let times: CallTimes
  let recoveries: Recoveries
  let absences: Absences
  let clock: ClockSteps
  let losses: Losses

  let timeline: Timeline
  /// What came to where the ends of runs are reported.
  let callbacks: [ModelServer.Call]

  /// A run as it lies in Redis.
  private struct Found: Sendable {
    let run: Ledger.Accepted
    let status: String
    let errorCode: String
    let result: JSONObject?
    let log: RunLog
  }

  /// Looks at everything.
  func verdict() async throws -> Verdict {
    var verdict = Verdict()
    verdict.duplicated += told.contradictions.filter { !losses.mayHaveLost($0.run) }.map(\.sentence)
    let schedules = ScheduleJudge(
      stack: stack, ticking: Array(told.ticking.values), losses: losses, clock: clock, timeline: timeline)
    let fired = try await schedules.fired()
    schedules.judge(fired, &verdict)
    let runs = told.accepted + fired.map(\.run)
    let all = try await concurrently(runs) { try await find($0) }
    let found = all.filter { $0.status != "none" || !losses.mayHaveLost($0.run) }
    verdict.gone = all.count - found.count
    for run in found { judge(run, &verdict) }
    try await judgeJobs(runs, &verdict)
    judgeCalls(found, &verdict)
    CallbackJudge(calls: callbacks, losses: losses).judge(found.map { ($0.run, $0.log) }, &verdict)
    try await judgeRecovery(runs, &verdict)
    for problem in try await Audit(stack).problems(of: found.map(\.run.id)) {
      switch problem.kind {
      case .lost: verdict.lost.append("\(problem)")
      case .duplicated: verdict.duplicated.append("\(problem)")
      case .damaged: verdict.wrong.append("\(problem)")
      case .afterCancel: verdict.afterCancel.append("\(problem)")
      }
    }
    let sentences = verdict.lost + verdict.duplicated + verdict.wrong + verdict.afterCancel + verdict.robbed
    verdict.histories = try await History(stack: stack, told: told, clock: clock, parts: site.services).lines(
      about: sentences)
    return verdict
  }

  private func find(_ run: Ledger.Accepted) async throws -> Found {
    let job = try await stack.command("HMGET", stack.key("job", run.id), "status", "error_code").array ?? []
    let result = try await stack.command("GET", stack.key("result", run.id)).bytesValue
    // What cannot be read, the audit tells of.
    let log = (try? await stack.progress(of: run.id)) ?? []
    return Found(
      run: run, status: job.first?.string ?? "none", errorCode: job.last?.string ?? "",
      result: result.flatMap { try? JSONValue(parsing: $0).objectValue }, log: RunLog(log))
  }

  private func judge(_ found: Found, _ verdict: inout Verdict) {
    let steering = SteeringJudge(told: told, losses: losses, clock: clock, timeline: timeline)
    verdict.wrong += steering.problems(of: found.run, found.log, status: found.status)
    verdict.cancels += found.log.cancels
    verdict.reopenings += found.log.reopenings
    let expected = Expectation(of: found.run.workflow)
    switch (found.status, expected.errorCode) {
    // Whether anybody wanted it, the other judge says.
    case ("cancelled", _): verdict.cancelled += 1
    case ("failed", let code?) where code == found.errorCode: verdict.failedByDesign += 1
    case ("failed", _): verdict.failedOtherwise[found.errorCode, default: 0] += 1
    case ("finished", nil):
      let result = found.result ?? JSONObject()
      guard let difference = expected.difference(from: result, isRunAgain: found.log.reopenings > 0) else {
        verdict.finished += 1
        return
      }
      verdict.wrong.append("run \(found.run.id): \(difference)")
    case ("finished", _): verdict.wrong.append("run \(found.run.id) finished and had to fail")
    default: break  // the audit says that it is lost
    }
  }

  /// Every job in Redis is one that a client was told of, or a tick's, and no two requests were told the same.
  private func judgeJobs(_ runs: [Ledger.Accepted], _ verdict: inout Verdict) async throws {
    let accepted = Set(runs.map(\.id))
    if accepted.count < runs.count {
      verdict.lost.append("\(runs.count - accepted.count) requests were answered with another's job")
    }
    let jobs = try await stack.keys("job:*").map { String($0.suffix(36)) }
    verdict.duplicated += Set(jobs).subtracting(accepted).map { "job \($0) is there, and nobody was told of it" }
  }

  /// Nothing was broken, and no living worker lost a run, as the logs of all workers tell it.
  private func judgeRecovery(_ runs: [Ledger.Accepted], _ verdict: inout Verdict) async throws {
    for prefix in stack.prefixes {
      let repairs = try await stack.command("HGETALL", prefix + "repairs").array ?? []
      for index in stride(from: 0, to: repairs.count - 1, by: 2) {
        verdict.repairs[repairs[index].string ?? "?", default: 0] += repairs[index + 1].int ?? 0
      }
    }
    let lost = Set(runs.filter { losses.mayHaveReopened($0, told.steerings(of: $0)) }.map(\.id))
    let takings = try Takings(stack, workers: site.workers)
    for taking in takings.all where !lost.contains(taking.job) {
      let holder = taking.holder.flatMap { takings.parts[$0] }
      let partition = stack.prefixes.firstIndex { $0 == stack.key("", ofPartition: taking.job) } ?? 0
      let isExcused = absences.excuse(
        taking, holder: holder.flatMap { Site.host(of: $0) }, taker: Site.host(of: taking.taker), partition: partition)
      if isExcused { continue }
      verdict.robbed.append(
        "run \(taking.job) of \(holder ?? "an unknown worker") by \(taking.taker) at \(taking.time), partition \(partition)"
      )
    }
  }

  // MARK: Calls

  /// No call is made again once its step's outputs are recorded, also in a later generation that has kept them, and
  /// none after a cancel. Where Redis's clock stepped during a run, the times of its log do not tell which was first.
  private func judgeCalls(_ found: [Found], _ verdict: inout Verdict) {
    let runs = Dictionary(found.map { ($0.run.id, $0) }, uniquingKeysWith: { one, _ in one })
    verdict.calls = calls.count
    var seen = Set<String>()
    for (index, call) in calls.enumerated() {
      let key = call.headers["idempotency-key"] ?? "?"
      let isRepeated = !seen.insert(key).inserted
      if isRepeated { verdict.repeatedCalls += 1 }
      guard let name = CallName(key), let run = runs[name.job] else { continue }
      judgeGeneration(name, key, run, &verdict)
      guard let time = times.time(ofCall: index),
        !clock.hasStep(during: run.run, told.steerings(of: run.run))
      else { continue }
      let returns = recoveries.returns[name.job] ?? []
      let isLate = returns.contains { time.upperBound >= $0 && time.lowerBound <= $0 + 3 }
      let begun = clock.redis(at: time.lowerBound)
      if isRepeated, let recorded = run.log.time(of: name), begun > recorded {
        if isLate {
          verdict.lateCalls += 1
        } else {
          verdict.duplicated.append("the call \(key) was made \(begun - recorded) s after its recording")
        }
      }
      if let end = end(of: name, run.log), begun > end + SteeringJudge.grace, !isLate,
        timeline.wasWell(from: time.lowerBound - SteeringJudge.grace, to: time.lowerBound),
        !timeline.hadRival(from: end, to: time.upperBound)
      {
        verdict.afterCancel.append("the call \(key) was made \(begun - end) s after the cancel")
      }
    }
  }

  /// When the generation of a call was cancelled; nil when it was not.
  private func end(of call: CallName, _ log: RunLog) -> Double? {
    guard log.generations.indices.contains(call.generation), let end = log.generations[call.generation].end,
      end.message == "cancelled"
    else { return nil }
    return end.time
  }

  /// What a generation has kept is not paid for again in it. A generation that Redis has lost leaves its number to
  /// another one.
  private func judgeGeneration(_ call: CallName, _ key: String, _ run: Found, _ verdict: inout Verdict) {
    let steerings = told.steerings(of: run.run).filter { $0.verb.reopens }
    guard call.generation > 0, !steerings.contains(where: { losses.mayHaveLost(from: $0.sent, to: $0.answered + 30) })
    else { return }
    guard run.log.generations.indices.contains(call.generation) else {
      verdict.wrong.append("the call \(key) is of a generation that is not there")
      return
    }
    if run.log.generations[call.generation].kept.contains(call.step) {
      verdict.duplicated.append("the call \(key) is for a step that was recorded, and is kept")
    }
  }
}

import ExactJSON
import Hiredis
import ModelServer
import SystemHarness

/// Holds what lies in Redis, and what the model was asked, against what the clients were told.
struct Judge: Sendable {
  let stack: Stack
  let told: Ledger.Entries
  let calls: [ModelServer.Call]
  let times: CallTimes
  let recoveries: Recoveries
  let clock: ClockSteps
  let losses: Losses

  /// A run as it lies in Redis.
  private struct Found: Sendable {
    let run: Ledger.Accepted
    let status: String
    let errorCode: String
    let result: JSONObject?
    /// When the outputs of each step were there, in seconds since 1970.
    let done: [String: Double]
  }

  /// Looks at everything.
  func verdict() async throws -> Verdict {
    var verdict = Verdict()
    verdict.duplicated += told.contradictions.filter { !losses.mayHaveLost($0.run) }.map(\.sentence)
    let all = try await concurrently(told.accepted) { try await find($0) }
    let found = all.filter { $0.status != "none" || !losses.mayHaveLost($0.run) }
    verdict.gone = all.count - found.count
    for run in found { judge(run, &verdict) }
    try await judgeJobs(&verdict)
    judgeCalls(found, &verdict)
    try await judgeRecovery(&verdict)
    for problem in try await Audit(stack).problems(of: found.map(\.run.id)) {
      switch problem.kind {
      case .lost: verdict.lost.append("\(problem)")
      case .duplicated: verdict.duplicated.append("\(problem)")
      case .damaged: verdict.wrong.append("\(problem)")
      }
    }
    return verdict
  }

  private func find(_ run: Ledger.Accepted) async throws -> Found {
    let job = try await stack.command("HMGET", stack.key("job", run.id), "status", "error_code").array ?? []
    let result = try await stack.command("GET", stack.key("result", run.id)).bytesValue
    var done: [String: Double] = [:]
    // What cannot be read, the audit tells of.
    for entry in (try? await stack.progress(of: run.id)) ?? [] where entry["msg"] == "step_done" {
      done[entry["step"]?.stringValue ?? ""] = entry["ts"]?.numberValue?.double
    }
    return Found(
      run: run, status: job.first?.string ?? "none", errorCode: job.last?.string ?? "",
      result: result.flatMap { try? JSONValue(parsing: $0).objectValue }, done: done)
  }

  private func judge(_ found: Found, _ verdict: inout Verdict) {
    let expected = Expectation(of: found.run.workflow)
    switch (found.status, expected.errorCode) {
    case ("failed", let code?) where code == found.errorCode: verdict.failedByDesign += 1
    case ("failed", _): verdict.failedOtherwise[found.errorCode, default: 0] += 1
    case ("finished", nil):
      guard let difference = expected.difference(from: found.result ?? JSONObject()) else {
        verdict.finished += 1
        return
      }
      verdict.wrong.append("run \(found.run.id): \(difference)")
    case ("finished", _): verdict.wrong.append("run \(found.run.id) finished and had to fail")
    default: break  // the audit says that it is lost
    }
  }

  /// Every job in Redis is one that a client was told of, and no two requests were told the same.
  private func judgeJobs(_ verdict: inout Verdict) async throws {
    let accepted = Set(told.accepted.map(\.id))
    if accepted.count < told.accepted.count {
      verdict.lost.append("\(told.accepted.count - accepted.count) requests were answered with another's job")
    }
    let jobs = try await stack.keys("job:*").map { String($0.suffix(36)) }
    verdict.duplicated += Set(jobs).subtracting(accepted).map { "job \($0) is there, and nobody was told of it" }
  }

  /// Nothing was broken, and no living worker lost a run, as the logs of all workers tell it.
  private func judgeRecovery(_ verdict: inout Verdict) async throws {
    for prefix in stack.prefixes {
      let repairs = try await stack.command("HGETALL", prefix + "repairs").array ?? []
      for index in stride(from: 0, to: repairs.count - 1, by: 2) {
        verdict.repairs[repairs[index].string ?? "?", default: 0] += repairs[index + 1].int ?? 0
      }
    }
    var taken = Set<String>()
    for worker in 1...3 {
      for line in try stack.log(of: "worker-\(worker)").split(separator: "\n") where line.contains("a lapsed lease") {
        let job = line.split(separator: " ").first { $0.hasPrefix("job=") }
        if let job { taken.insert(String(job.dropFirst("job=".count))) }
      }
    }
    taken.subtract(told.accepted.filter(losses.mayHaveReopened).map(\.id))
    verdict.robbed = taken.subtracting(recoveries.orphans).sorted()
  }

  /// No call is made again once its step's outputs are recorded. Where Redis's clock stepped during a run, the times of
  /// its log do not tell which was first.
  private func judgeCalls(_ found: [Found], _ verdict: inout Verdict) {
    let returns = recoveries.returns
    let runs = Dictionary(found.map { ($0.run.id, $0) }, uniquingKeysWith: { one, _ in one })
    verdict.calls = calls.count
    var seen = Set<String>()
    for (index, call) in calls.enumerated() {
      let key = call.headers["idempotency-key"] ?? "?"
      guard !seen.insert(key).inserted else { continue }
      verdict.repeatedCalls += 1
      let parts = key.split(separator: "/", maxSplits: 1).map(String.init)
      guard parts.count == 2, let time = times.time(ofCall: index), let run = runs[parts[0]],
        let recorded = run.done[parts[1]], clock.redis(at: time.lowerBound) > recorded,
        !clock.hasStep(from: run.run.time - 30, to: time.upperBound + 15)
      else { continue }
      if returns[parts[0]]?.contains(where: { time.upperBound >= $0 && time.lowerBound <= $0 + 3 }) ?? false {
        verdict.lateCalls += 1
      } else {
        verdict.duplicated.append(
          "the call \(key) was made \(clock.redis(at: time.lowerBound) - recorded) s after its recording")
      }
    }
  }
}

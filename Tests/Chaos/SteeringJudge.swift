/// Holds what became of a run against what those were told that cancelled, paused and reran it.
struct SteeringJudge: Sendable {
  let told: Ledger.Entries
  let losses: Losses
  let clock: ClockSteps
  let timeline: Timeline
  /// What is to be held against the log of a run's times: the accuracy of its clock.
  private static let slack = 0.1
  /// Within so many seconds a worker knows that its run is paused or cancelled, also where the message is lost.
  static let grace = 3.0

  /// What is wrong with a run, a sentence each.
  func problems(of run: Ledger.Accepted, _ log: RunLog, status: String) -> [String] {
    let steerings = told.steerings(of: run)
    let sentences =
      countProblems(log, steerings) + cancelProblems(log, steerings, status) + reopenProblems(log, steerings)
      + refusals(run, steerings)
      + (clock.hasStep(during: run, steerings) ? [] : pauseProblems(log, steerings))
    return sentences.map { "run \(run.id): \($0)" }
  }

  private func isKept(_ steering: Steering) -> Bool {
    !losses.mayHaveLost(from: steering.sent, to: steering.answered)
  }

  /// Nothing is done that nobody wanted. nginx sends a request once more when a connection breaks.
  private func countProblems(_ log: RunLog, _ steerings: [Steering]) -> [String] {
    let cancels = steerings.count { $0.verb == .cancel }
    let reopenings = steerings.count { $0.verb.reopens }
    var problems: [String] = []
    if log.cancels > 2 * cancels { problems.append("it was cancelled \(log.cancels) times; \(cancels) were wanted") }
    if log.reopenings > 2 * reopenings {
      problems.append("it was run again \(log.reopenings) times; \(reopenings) were wanted")
    }
    return problems
  }

  /// Who was told that a run is cancelled finds it so, unless it was run again.
  private func cancelProblems(_ log: RunLog, _ steerings: [Steering], _ status: String) -> [String] {
    var problems: [String] = []
    for cancel in steerings where cancel.verb == .cancel && isKept(cancel) {
      guard case .done(let told, _) = cancel.answer else { continue }
      if told != "cancelled" { problems.append("its cancel was answered \(told)") }
      if log.cancels == 0 { problems.append("it was cancelled, and its log does not say so") }
      let isReopened = steerings.contains { $0.verb.reopens && $0.mayActAfter(cancel.sent) }
      if !isReopened && status != "cancelled" { problems.append("it was cancelled, and is \(status)") }
    }
    return problems
  }

  /// Who was told that a run is queued again finds that generation.
  private func reopenProblems(_ log: RunLog, _ steerings: [Steering]) -> [String] {
    steerings.compactMap { steering in
      guard steering.verb.reopens, isKept(steering), case .done(_, let generation) = steering.answer,
        log.reopenings < generation ?? 1
      else { return nil }
      return "\(steering.verb) was answered generation \(generation ?? 1), and it has \(log.reopenings)"
    }
  }

  /// A run that was accepted is known to whoever steers it.
  private func refusals(_ run: Ledger.Accepted, _ steerings: [Steering]) -> [String] {
    guard !losses.mayHaveLost(run) else { return [] }
    return steerings.compactMap {
      guard case .refused(404) = $0.answer else { return nil }
      return "its \($0.verb) was answered 404"
    }
  }

  /// No step of a paused run begins until it is resumed, and it does not finish. Where a worker held it, that worker
  /// may learn of the pause a little later. Nothing can be said where the clock stepped during the run.
  private func pauseProblems(_ log: RunLog, _ steerings: [Steering]) -> [String] {
    var problems: [String] = []
    for pause in steerings where pause.verb == .pause && isKept(pause) {
      guard case .done(let status, _) = pause.answer else { continue }
      let others = steerings.filter { $0.verb != .pause && $0.mayActAfter(pause.sent) }
      let end = others.map(\.sent).min() ?? .infinity
      let start = pause.answered + (status == "queued" ? 0 : Self.grace)
      guard start < end, end.isFinite,
        status == "queued" || timeline.wasWell(from: pause.sent, to: start),
        !timeline.hadRival(from: pause.sent, to: end)
      else { continue }
      let low = clock.redis(at: start) + Self.slack
      let high = clock.redis(at: end) - Self.slack
      func isWithin(_ time: Double) -> Bool { low < time && time < high }
      for generation in log.generations {
        problems += generation.starts.filter { isWithin($0.time) }.map {
          "\($0.step) began \($0.time - low) s after the run was paused (\(status))"
        }
        if let end = generation.end, isWithin(end.time), end.message != "cancelled" {
          problems.append("it \(end.message) \(end.time - low) s after it was paused (\(status))")
        }
      }
    }
    return problems
  }
}

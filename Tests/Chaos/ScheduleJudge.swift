import ExactJSON
import Hiredis
import SystemHarness

/// Holds the runs of schedules against what is said of ticks: each is one run, and none is lost.
struct ScheduleJudge: Sendable {
  let stack: Stack
  let ticking: [Ticking]
  let losses: Losses
  let clock: ClockSteps
  let timeline: Timeline

  /// The run of a tick.
  struct Fired: Sendable {
    let run: Ledger.Accepted
    let schedule: String
    let tick: Int
    /// When it was submitted, by Redis's clock.
    let created: Double
  }

  /// Reads the runs that schedules have started.
  func fired() async throws -> [Fired] {
    let schedules = Dictionary(ticking.map { ($0.name, $0) }, uniquingKeysWith: { one, _ in one })
    let ids = try await stack.keys("job:*").map { String($0.suffix(36)) }
    return try await concurrently(ids) { id -> Fired? in
      let job = try await stack.command("HMGET", stack.key("job", id), "schedule", "created_ts").array ?? []
      let words = job.first?.string?.split(separator: " ").map(String.init) ?? []
      guard words.count == 2, let tick = Int(words[0]), let schedule = schedules[words[1]] else { return nil }
      let run = Ledger.Accepted(
        id: id, workflow: schedule.workflow, time: min(schedule.removed, WallClock.now), since: schedule.since)
      return Fired(run: run, schedule: schedule.name, tick: tick, created: Double(job.last?.string ?? "") ?? 0)
    }.compactMap { $0 }
  }

  /// Looks at all schedules.
  func judge(_ fired: [Fired], _ verdict: inout Verdict) {
    let groups = Dictionary(grouping: fired, by: \.schedule)
    for schedule in ticking { judge(schedule, groups[schedule.name] ?? [], &verdict) }
    verdict.ticks = fired.count
    verdict.skippedTicks = ticking.reduce(0) { $0 + ($1.looks.last?.look.skipped ?? 0) }
  }

  private func judge(_ schedule: Ticking, _ fired: [Fired], _ verdict: inout Verdict) {
    func sentence(_ text: String) -> String { "schedule \(schedule.name): \(text)" }
    let ticks = fired.map(\.tick).sorted()
    for (one, next) in zip(ticks, ticks.dropFirst()) where one == next {
      verdict.duplicated.append(sentence("the tick \(one) has two runs"))
    }
    for tick in ticks where tick % schedule.period != 0 {
      verdict.wrong.append(sentence("\(tick) is none of its times"))
    }
    let isKept = !losses.mayHaveLost(from: schedule.since, to: min(schedule.removed, WallClock.now))
    if isKept, schedule.missing != nil { verdict.lost.append(sentence("it was made, and is not there")) }
    let end = min(schedule.removed, WallClock.now)
    guard !clock.hasStep(from: schedule.since - 2, to: end + 2) else { return }
    if schedule.missed == "all", let first = ticks.first, let last = ticks.last {
      let gaps = Set(stride(from: first, through: last, by: schedule.period)).subtracting(ticks).sorted()
      verdict.lost += gaps.map { sentence("the tick \($0) was not fired, and all were wanted") }
    }
    if schedule.removed.isFinite, isKept {
      let limit = clock.redis(at: schedule.removed) + 0.1
      verdict.wrong += fired.filter { $0.created > limit }.map {
        sentence("the tick \($0.tick) came after its removal")
      }
    }
    if isKept { judgeLooks(schedule, ticks, &verdict) }
  }

  /// What the API says of a schedule agrees with its runs.
  private func judgeLooks(_ schedule: Ticking, _ ticks: [Int], _ verdict: inout Verdict) {
    func sentence(_ text: String) -> String { "schedule \(schedule.name): \(text)" }
    guard let first = schedule.looks.first, let last = schedule.looks.last?.look else { return }
    let start = first.look.first(every: schedule.period)
    if last.first(every: schedule.period) != start {
      verdict.lost.append(sentence("it began at \(start), and later at \(last.first(every: schedule.period)): \(last)"))
    }
    let known = ticks.filter { $0 < last.next }
    if known.count < last.runs { verdict.lost.append(sentence("of \(last.runs) runs \(known.count) are there")) }
    if known.count > last.runs { verdict.duplicated.append(sentence("of \(last.runs) runs \(known.count) are there")) }
    guard schedule.overlap == "allow" else { return }
    for tick in stride(from: start, to: last.next, by: schedule.period) where !ticks.contains(tick) {
      // Without a step Redis's clock is this host's, less what it was set to before.
      let offset = clock.redis(at: schedule.made) - schedule.made
      let time = Double(tick) - offset
      guard timeline.wasWell(from: time, to: time + Double(schedule.period)) else { continue }
      verdict.lost.append(sentence("the tick \(tick) was left out, and all was well"))
    }
  }
}

import ExactJSON
import Hiredis
public import Workflow

/// What became of the wish to run an ended run again.
public enum ReopenOutcome: Sendable, Equatable {
  /// It is queued in a new generation.
  case queued(generation: Int)
  /// It has not ended: an earlier call has opened this generation, or none was opened yet (0).
  case live(RunStatus, generation: Int)
  /// It has finished, so no step of it has failed.
  case finished
  /// It has no step of this id; those that it has.
  case noStep(steps: [String])
  /// It cannot be run again: the reason, in a sentence.
  case unable(String)
  /// There is no such run.
  case gone
}

extension RunStore {
  /// Runs an ended run again: from the steps that have failed, or from a step. Safe to send twice; a request that a web
  /// server sends again opens no second generation.
  ///
  /// A finished run's documents are taken from its result; they are stored first, so that no script touches much.
  /// - Parameter requestID: of the request that wants it, for the logs.
  public func reopen(
    _ id: JobID, _ reopening: Reopening, requestID: String
  ) async throws(StoreError) -> ReopenOutcome {
    let outcome = try await attempt(id, reopening, requestID: requestID)
    if case .live(_, let generation) = outcome, generation > 0 {
      try await confirm(generation, of: id, reopening, requestID: requestID)
    }
    return outcome
  }

  private func attempt(
    _ id: JobID, _ reopening: Reopening, requestID: String
  ) async throws(StoreError) -> ReopenOutcome {
    guard let facts = try await facts(of: id) else { return .gone }
    let about = try await send(["HMGET", keys.job(id), "run", "format", "owner", "reopened"]).array ?? []
    let last = about.last?.string?.split(separator: " ", omittingEmptySubsequences: false) ?? []
    if last.first.map(String.init) == requestID {
      // It was opened since the facts were read, or before.
      guard let now = try await self.facts(of: id) else { return .gone }
      return .live(now.status, generation: now.generation)
    }
    guard facts.status.isTerminal else {
      // The same wish is done; another one is not.
      let isSame = last.count == 2 && String(last[1]).hasSameScalars(as: reopening.step)
      return .live(facts.status, generation: isSame ? facts.generation : 0)
    }
    if facts.status == .finished, reopening == .failed { return .finished }
    guard about.count == 4, about[1].string == "2", let run = about[0].string else {
      return .unable("job \(id) was not run by this version of wf; submit it again")
    }
    let log = try await progress(of: id)
    let former: FormerRun?
    do {
      former = try await self.former(id, facts, run: run, log)
    } catch .damaged(let why) {
      return .unable("job \(id) cannot be run again: \(why)")
    }
    guard let former else { return try await whereaboutsOfSteps(of: id, since: facts) }
    guard let steps = reopening.steps(of: former.graph, failed: former.failed) else {
      return .noStep(steps: former.graph.ids)
    }
    var wish = ReopenWish(id: id, facts: facts, class: String(run.prefix(8)), requestID: requestID)
    wish.owner = about[2].string
    try await prepare(&wish, former, steps)
    return try await reopen(wish, log, dropped: steps.all.sorted().map { former.graph.ids[$0] }, reopening)
  }

  /// Waits until replicas have the generation that an earlier request has opened, perhaps without an answer of theirs.
  /// It was read over another connection, which may have been one to a primary that is none any more.
  private func confirm(
    _ generation: Int, of id: JobID, _ reopening: Reopening, requestID: String
  ) async throws(StoreError) {
    guard replicas != nil else { return }
    var arguments = RedisArguments()
    // No run is as these words have it, so nothing is opened.
    for word in [keys.prefix, id.description, "", "- - \(requestID)", "0", "0", "", "0", reopening.step, "0"] {
      arguments.append(word)
    }
    let reply = try await evaluateSafely(Scripts.reopen, [keys.live, keys.deadlines, keys.dead], arguments)
    guard let words = reply.array, words.count == 3, let known = words[2].string.flatMap({ Int($0) }) else {
      throw Self.damaged(Scripts.reopen, reply)
    }
    guard known >= generation else {
      throw .unavailable(
        reason: "generation \(generation) of job \(id) is not at the server that is the primary now",
        outcomeUnknown: true)
    }
  }

  /// Why the steps of an ended run are not where they were: another request has opened the run meanwhile, or they are
  /// gone.
  private func whereaboutsOfSteps(of id: JobID, since known: RunFacts) async throws(StoreError) -> ReopenOutcome {
    guard let facts = try await facts(of: id) else { return .gone }
    if facts.generation != known.generation { return .live(facts.status, generation: facts.generation) }
    return .unable("the steps of job \(id) are gone; submit it again")
  }

  /// Stores the documents that are kept of a finished run, and names the fields that go of another one.
  private func prepare(
    _ wish: inout ReopenWish, _ former: FormerRun, _ steps: (named: Set<Int>, all: Set<Int>)
  ) async throws(StoreError) {
    let dropped = Set(steps.all.map { former.graph.ids[$0] })
    guard let result = former.result else {
      let others = Set(steps.all.subtracting(former.failed).map { former.graph.ids[$0] })
      wish.fields = try await fields(of: wish.id, dropped: dropped, withAllItems: others)
      wish.documentBytes = former.documentBytes
      return
    }
    let fields = try result.fields(without: dropped, of: wish.id)
    let generation = connection.generation
    let count = try await stage(fields, submitted: former.submitted, wish.id, by: wish.wish)
    // The next connection may be to a replica that was promoted and has not all of them.
    guard connection.generation == generation else { throw Self.lost(wish.id) }
    wish.staged = "\(wish.wish) \(count) \(former.submitted.count)"
    wish.documentBytes = former.submitted.count
  }

  private func reopen(
    _ wish: ReopenWish, _ log: [[UInt8]], dropped: [String], _ reopening: Reopening
  ) async throws(StoreError) -> ReopenOutcome {
    let generation = wish.facts.generation + 1
    var entries = [#""msg":"retried","generation":\#(generation)"#]
    if case .from(let step) = reopening { entries[0] += #","from":\#(JSONValue.string(step).text)"# }
    for step in dropped { entries.append(#""msg":"step_reset","step":\#(JSONValue.string(step).text)"#) }
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(wish.id.description)
    arguments.append("\(wish.facts.status.rawValue) \(wish.facts.generation)")
    arguments.append(wish.about(generation: generation))
    arguments.append(log.reduce(0) { $0 + $1.count })
    arguments.append(wish.isDegraded(log, without: Set(dropped)) ? 1 : 0)
    arguments.append(wish.staged)
    arguments.append(limits.retain)
    arguments.append(reopening.step)
    arguments.append(entries.count)
    for entry in entries { arguments.append(entry) }
    for field in wish.fields { arguments.append(field) }
    CommitPoint.beforeReopen.pass()
    let reply = try await evaluateSafely(Scripts.reopen, [keys.live, keys.deadlines, keys.dead], arguments)
    CommitPoint.afterReopen.pass()
    if reply.string == "queued" { return .queued(generation: generation) }
    let words = (reply.array ?? []).map { $0.string ?? "" }
    switch words.first {
    case "held" where words.count == 2: throw .damaged("WRONGTYPE \(words[1])")
    case "incomplete": return .unable("the documents of job \(wish.id) are gone; submit it again")
    case "lost": throw Self.lost(wish.id)
    case "changed" where words.count == 3:
      guard let status = RunStatus(rawValue: words[1]) else { return .gone }
      return .live(status, generation: Int(words[2]) ?? 0)
    default: throw Self.damaged(Scripts.reopen, reply)
    }
  }

  /// The same request may succeed at once: it stores the documents again.
  private static func lost(_ id: JobID) -> StoreError {
    .unavailable(
      reason: "what was stored to run job \(id) again is gone: the connection broke, or Redis failed over",
      outcomeUnknown: false)
  }
}

/// A run that is to be opened again.
private struct ReopenWish {
  let id: JobID
  let facts: RunFacts
  let `class`: String
  let requestID: String
  /// Names what this request stores.
  let wish = JobID()
  var owner: String?
  /// The fields of its outputs that go.
  var fields: [String] = []
  var documentBytes = 0
  /// What the script needs of the documents that are written again; empty where none are.
  var staged = ""

  init(id: JobID, facts: RunFacts, class: String, requestID: String) {
    (self.id, self.facts, self.class, self.requestID) = (id, facts, `class`, requestID)
  }

  /// What its claims return.
  func about(generation: Int) -> String {
    let bytes = String(documentBytes)
    let padded = String(repeating: "0", count: max(0, 8 - bytes.count)) + bytes
    return "\(`class`) \(padded) \(requestID) \(owner ?? "-") \(generation)"
  }

  /// Whether a placeholder is in the outputs of a step that is kept.
  func isDegraded(_ log: [[UInt8]], without dropped: Set<String>) -> Bool {
    guard facts.isDegraded else { return false }
    return StepView.fold(log.map { ProgressHead($0) }, isStarted: false).contains {
      $0.isDegraded && !dropped.contains($0.id)
    }
  }
}

import Hiredis
public import Workflow

/// What somebody wants of runs, from outside.
public enum ControlVerb: String, Sendable, Equatable, CaseIterable {
  /// They end as cancelled.
  case cancel
  /// They start no further step until they are resumed.
  case pause
  /// They continue.
  case resume
}

/// What became of a run that somebody steers.
public enum ControlOutcome: Sendable, Equatable {
  /// It is done, now or by an earlier call; the run's status.
  case done(RunStatus)
  /// The run has ended otherwise.
  case ended(RunStatus)
  /// The run is of an older format, which cannot be steered.
  case former
  /// There is no such run.
  case gone
}

/// A message to a worker about a run that it holds.
public enum ControlMessage: Sendable, Equatable {
  /// The run has ended, or is another's: nothing of it can be written any more.
  case lost(HeldRun)
  /// The run is paused: it is to go back when its steps under way have ended.
  case pause(HeldRun)

  /// Reads a message of the channel ``Keys/controlChannel(of:)``; nil when it is another one.
  public init?(_ text: String) {
    let words = text.split(separator: " ", maxSplits: 1)
    guard words.count == 2, let run = HeldRun(String(words[1])) else { return nil }
    switch words[0] {
    case "lost": self = .lost(run)
    case "pause": self = .pause(run)
    default: return nil
    }
  }
}

extension RunStore {
  /// Cancels, pauses or resumes runs. Safe to send twice.
  /// - Parameter ids: of runs of this partition; as many as 100 take Redis a few milliseconds.
  /// - Returns: what became of each.
  public func control(_ verb: ControlVerb, _ ids: [JobID]) async throws(StoreError) -> [ControlOutcome] {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(verb.rawValue)
    arguments.append(limits.retain)
    arguments.append(limits.crashes)
    for id in ids { arguments.append(id.description) }
    CommitPoint.beforeControl.pass()
    let reply = try await evaluateSafely(Scripts.control, [keys.timers, keys.deadlines, keys.paused], arguments)
    CommitPoint.afterControl.pass()
    let answers = (reply.array ?? []).compactMap { ControlOutcome($0) }
    guard answers.count == ids.count else { throw Self.damaged(Scripts.control, reply) }
    return answers
  }
}

extension Partitions {
  /// Waits until the replicas that are waited for have what was written before, by whomever: what a request finds done,
  /// another one may have done without an answer of theirs.
  public func waitForReplicas() async throws(StoreError) {
    guard isSpread else {
      _ = try await all[0].sendSafely([])
      return
    }
    _ = try await gather { _, store throws(StoreError) in try await store.sendSafely([]) }
  }

  /// Cancels, pauses or resumes runs of all partitions, a hundred a script. Safe to send twice.
  public func control(
    _ verb: ControlVerb, _ ids: [JobID]
  ) async throws(StoreError) -> [(id: JobID, outcome: ControlOutcome)] {
    var answers: [(id: JobID, outcome: ControlOutcome)] = []
    for (number, store) in all.enumerated() {
      var rest = ids.filter { count == 1 || self.number(of: $0) == number }[...]
      while !rest.isEmpty {
        let some = Array(rest.prefix(100))
        rest = rest.dropFirst(100)
        answers += zip(some, try await store.control(verb, some)).map { ($0, $1) }
      }
    }
    return answers
  }
}

extension ControlOutcome {
  /// Reads an answer of control.lua.
  fileprivate init?(_ reply: RedisReply) {
    guard let words = reply.array?.map({ $0.string ?? "" }), words.count == 2 else { return nil }
    let status = RunStatus(rawValue: words[1])
    switch (words[0], status) {
    case ("done", let status?): self = .done(status)
    case ("ended", let status?): self = .ended(status)
    case ("former", _): self = .former
    case ("gone", _): self = .gone
    default: return nil
    }
  }
}

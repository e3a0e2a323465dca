import Hiredis

/// Why the store could not do what it was asked.
public enum StoreError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Redis gave no answer.
  /// `outcomeUnknown`: the write may have happened all the same.
  case unavailable(reason: String, outcomeUnknown: Bool)
  /// The servers of some partitions gave no answer. Others may have answered.
  case down(partitions: [Int], reason: String, outcomeUnknown: Bool)
  /// Redis answered with an error that says nothing about the stored data: its own state (`OOM`, `READONLY`, …), this
  /// user's rights, the topology, or the version.
  /// `cause`: one word, such as `NOPERM`; `reason`: what Redis answered, and what an operator can do.
  /// `outcomeUnknown`: a script was stopped halfway, so that it may have written something, or too few replicas have
  /// acknowledged what it wrote (cause `REPLICAS`).
  case refused(cause: String, reason: String, outcomeUnknown: Bool)
  /// What is stored is not what wf wrote: a key of another type, or a script that answered what no script of wf's
  /// answers.
  case damaged(String)

  /// The sentence for a log.
  public var description: String {
    switch self {
    case .unavailable(let reason, _): "Redis is not available: \(reason)"
    case .down(let partitions, let reason, _): "\(Partitions.named(partitions)) of Redis: \(reason)"
    case .refused(_, let reason, _): "Redis refuses: \(reason)"
    case .damaged(let what): "Redis does not hold what wf wrote: \(what)"
    }
  }

  /// Whether the same may succeed later, when Redis is back or an operator has changed its settings.
  public var isTransient: Bool {
    if case .damaged = self { false } else { true }
  }

  /// Whether Redis answered, if only with an error: then the connection works.
  public var isAnswer: Bool {
    switch self {
    case .unavailable, .down: false
    case .refused, .damaged: true
    }
  }

  init(_ error: RedisError) {
    switch error {
    case .unavailable(let reason, let outcomeUnknown):
      self = .unavailable(reason: reason, outcomeUnknown: outcomeUnknown)
    case .unreplicated(let reason, let remedy):
      self = .refused(
        cause: "REPLICAS", reason: reason + (remedy.map { "; \($0)" } ?? ""), outcomeUnknown: true)
    case .reply(let reply) where reply.meaning == .mismatch: self = .damaged("\(reply)")
    case .reply(let reply):
      self = .refused(
        cause: reply.cause, reason: "\(reply)" + (reply.remedy.map { "; \($0)" } ?? ""),
        outcomeUnknown: reply.wasRaisedInScript)
    }
  }
}

import Hiredis

/// Why the store could not do what it was asked.
public enum StoreError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Redis is away, or refuses for a reason that passes (`OOM`, `LOADING`, `READONLY`, …).
  /// `outcomeUnknown`: the write may have happened all the same.
  case unavailable(reason: String, outcomeUnknown: Bool)
  /// Redis answered what no script of wf's answers, or with an error that does not pass.
  case damaged(String)

  /// The sentence for a log.
  public var description: String {
    switch self {
    case .unavailable(let reason, _): "Redis is not available: \(reason)"
    case .damaged(let what): "Redis does not hold what wf wrote: \(what)"
    }
  }

  /// Whether the same may succeed later.
  public var isTransient: Bool {
    if case .unavailable = self { true } else { false }
  }

  init(_ error: RedisError) {
    switch error {
    case .unavailable(let reason, let outcomeUnknown):
      self = .unavailable(reason: reason, outcomeUnknown: outcomeUnknown)
    case .reply(let reply):
      let text = "\(reply.code) \(reply.message)"
      self = error.isTransient ? .unavailable(reason: text, outcomeUnknown: false) : .damaged(text)
    }
  }
}

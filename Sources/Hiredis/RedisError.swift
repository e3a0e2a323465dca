/// Why a command has failed.
public enum RedisError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The command has expired, or the connection was closed; `reason` says why there was no reply.
  ///
  /// `outcomeUnknown` is true if the command was written to a socket, so the server may have executed it; if false, it
  /// has not.
  case unavailable(reason: String, outcomeUnknown: Bool)

  /// Redis sent an error reply.
  case reply(RedisReplyError)

  /// The command was executed, but too few replicas have acknowledged it: a failover may lose what it wrote.
  case unreplicated(reason: String, remedy: String?)

  /// Whether the same command may succeed later.
  public var isTransient: Bool {
    switch self {
    case .unavailable, .unreplicated: true
    case .reply(let error): error.isTransient
    }
  }

  /// The error in one line, for a log.
  public var description: String {
    switch self {
    case .unavailable(let reason, false): "Redis is unavailable: \(reason)"
    case .unavailable(let reason, true): "Redis is unavailable: \(reason); the outcome of the command is unknown"
    case .reply(let error): "Redis answered: \(error)"
    case .unreplicated(let reason, _): "Redis has written it, but \(reason)"
    }
  }
}

/// Why a command has no answer that can be used.
public enum RedisError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The deadline passed, or the connection was closed.
  ///
  /// `reason` says what stood in the way. `outcomeUnknown` is true once the command was handed to a socket: the server
  /// may have carried it out. When it is false it never did.
  case unavailable(reason: String, outcomeUnknown: Bool)

  /// Redis answered with an error.
  case reply(RedisReplyError)

  /// True when the same command may succeed later, unchanged.
  public var isTransient: Bool {
    switch self {
    case .unavailable: true
    case .reply(let error): error.isTransient
    }
  }

  /// One line for a log.
  public var description: String {
    switch self {
    case .unavailable(let reason, false): "Redis is unavailable: \(reason)"
    case .unavailable(let reason, true): "Redis is unavailable: \(reason); the outcome of the command is unknown"
    case .reply(let error): "Redis answered: \(error)"
    }
  }
}

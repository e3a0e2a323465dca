/// An error reply of Redis, split after its first word.
public struct RedisReplyError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The first word of the reply: `ERR`, `OOM`, `NOSCRIPT`, ...
  public let code: String

  /// The rest of the reply, for people.
  public let message: String

  /// Creates an error.
  public init(code: String, message: String) {
    self.code = code
    self.message = message
  }

  /// Splits an error line, without its leading minus sign.
  init(line: String) {
    let words = line.split(separator: " ", maxSplits: 1)
    code = words.first.map(String.init) ?? "ERR"
    message = words.count > 1 ? String(words[1]) : ""
  }

  /// The line as Redis sent it.
  public var description: String { message.isEmpty ? code : "\(code) \(message)" }

  /// Whether the same command may succeed later, once the state of the server has changed.
  public var isTransient: Bool { meaning == .state || meaning == .standby }
}

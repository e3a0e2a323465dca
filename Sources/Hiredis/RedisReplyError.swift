/// An error that Redis itself answered, split at its first word.
public struct RedisReplyError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The first word of the answer: `ERR`, `OOM`, `NOSCRIPT`, ...
  public let code: String

  /// The rest of the answer, meant for people.
  public let message: String

  /// An error of that code with that message.
  public init(code: String, message: String) {
    self.code = code
    self.message = message
  }

  /// Splits the line that Redis sent, which comes without its leading minus sign.
  init(line: String) {
    let words = line.split(separator: " ", maxSplits: 1)
    code = words.first.map(String.init) ?? "ERR"
    message = words.count > 1 ? String(words[1]) : ""
  }

  /// The line as Redis sent it.
  public var description: String { message.isEmpty ? code : "\(code) \(message)" }

  /// True for a state of the server that passes or that an operator ends; the same command may succeed later.
  public var isTransient: Bool { meaning == .state || meaning == .standby }
}

/// The commands of one script call: EVALSHA, and SCRIPT LOAD before it when the client or the server does not know the
/// digest.
///
/// Does no I/O, so that a task, a thread or a callback can perform the commands.
///
/// ```swift
/// while let command = call.command { call.receive(await outcome(of: command)) }
/// return try call.result.get()
/// ```
struct ScriptCall {
  private enum Phase {
    case loading
    case evaluating(digest: String)
    case over
  }

  private let script: RedisScript
  private let keys: [String]
  private let arguments: RedisArguments
  private var phase: Phase

  /// How many more times the source may be sent. More than once only if the server restarts between load and call.
  private var loadsLeft = 3

  /// The result of the script, once `command` is nil.
  private(set) var result: Result<RedisReply, RedisError> = .success(.null)

  /// Creates a call that has not begun.
  init(_ script: RedisScript, keys: [String], arguments: RedisArguments) {
    self.script = script
    self.keys = keys
    self.arguments = arguments
    phase = script.digest.map { .evaluating(digest: $0) } ?? .loading
  }

  /// The next command to send; nil at the end.
  var command: RedisArguments? {
    switch phase {
    case .loading: ["SCRIPT", "LOAD", script.source]
    case .evaluating(let digest): evaluation(digest)
    case .over: nil
    }
  }

  /// Handles the outcome of the command.
  mutating func receive(_ answer: Result<RedisReply, RedisError>) {
    result = answer
    switch (phase, answer) {
    case (.loading, .success(.bytes(let bytes))):
      let digest = String(decoding: bytes, as: UTF8.self)
      script.digest = digest
      phase = .evaluating(digest: digest)
    case (.evaluating, .failure(.reply(let error))) where error.code == "NOSCRIPT" && loadsLeft > 0:
      loadsLeft -= 1
      phase = .loading
    default:
      phase = .over
    }
  }

  private func evaluation(_ digest: String) -> RedisArguments {
    var command = RedisArguments()
    command.reserveCapacity(128 + keys.reduce(arguments.size) { $0 + $1.utf8.count + 16 })
    command.append("EVALSHA")
    command.append(digest)
    command.append(keys.count)
    for key in keys { command.append(key) }
    command.append(contentsOf: arguments)
    return command
  }
}

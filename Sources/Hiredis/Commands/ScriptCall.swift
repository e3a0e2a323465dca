/// Decides what to send so that a script runs, whether or not the server knows it: the digest first, the source when
/// the digest is unknown on either side.
///
/// Does no I/O, so that the waiting may be a task's or a thread's.
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

  /// How often the source may be sent.
  ///
  /// Once is enough but for a server that restarts between the load and the call.
  private var loadsLeft = 3

  /// What the script returned, once there is no command left to send.
  private(set) var result: Result<RedisReply, RedisError> = .success(.null)

  /// A call that has not begun.
  init(_ script: RedisScript, keys: [String], arguments: RedisArguments) {
    self.script = script
    self.keys = keys
    self.arguments = arguments
    phase = script.digest.map { .evaluating(digest: $0) } ?? .loading
  }

  /// What is to be sent next; nil at the end.
  var command: RedisArguments? {
    switch phase {
    case .loading: ["SCRIPT", "LOAD", script.source]
    case .evaluating(let digest): evaluation(digest)
    case .over: nil
    }
  }

  /// Takes the answer to the command.
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
    var command: RedisArguments = ["EVALSHA", digest]
    command.append(keys.count)
    for key in keys { command.append(key) }
    command.append(contentsOf: arguments)
    return command
  }
}

/// The commands of one script call: EVALSHA, and SCRIPT LOAD before it when the client or the server does not know the
/// digest.
///
/// Does no I/O, so that a task, a thread or a callback can perform the commands.
///
/// ```swift
/// while !call.commands.isEmpty { call.receive(await outcome(of: call.commands)) }
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
  private let replicas: ReplicaWait?
  private let inCluster: Bool
  private var phase: Phase

  /// How many more times the source may be sent. More than once only if the server restarts between load and call.
  private var loadsLeft = 3

  /// The result of the script, once there are no more commands.
  private(set) var result: Result<RedisReply, RedisError> = .success(.null)

  /// Creates a call that has not begun.
  /// - Parameters:
  ///   - replicas: nil for a result that counts at once.
  ///   - inCluster: whether it runs in a Redis Cluster.
  init(
    _ script: RedisScript, keys: [String], arguments: RedisArguments, replicas: ReplicaWait? = nil,
    inCluster: Bool = false
  ) {
    self.replicas = replicas
    self.inCluster = inCluster
    self.script = script
    self.keys = keys
    self.arguments = arguments
    phase = script.digest(inCluster: inCluster).map { .evaluating(digest: $0) } ?? .loading
  }

  /// The next commands to send, in one frame; none at the end.
  var commands: [RedisArguments] {
    switch phase {
    case .loading: [["SCRIPT", "LOAD", script.source(inCluster: inCluster)]]
    case .evaluating(let digest): [evaluation(digest)] + (replicas?.commands(inCluster: inCluster) ?? [])
    case .over: []
    }
  }

  /// Handles the outcome of the commands: the reply, or the replies of several as an array.
  mutating func receive(_ outcome: Result<RedisReply, RedisError>) {
    let answer = scriptResult(outcome)
    result = answer
    switch (phase, answer) {
    case (.loading, .success(.bytes(let bytes))):
      let digest = String(decoding: bytes, as: UTF8.self)
      script.note(digest: digest, inCluster: inCluster)
      phase = .evaluating(digest: digest)
    case (.evaluating, .failure(.reply(let error))) where error.code == "NOSCRIPT" && loadsLeft > 0:
      loadsLeft -= 1
      phase = .loading
    default:
      phase = .over
    }
  }

  private func scriptResult(_ outcome: Result<RedisReply, RedisError>) -> Result<RedisReply, RedisError> {
    guard let replicas, case .evaluating = phase, case .success(let replies) = outcome else { return outcome }
    return replicas.result(replies.array ?? []).map { $0[0] }
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

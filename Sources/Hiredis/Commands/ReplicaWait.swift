/// Has a script count only once replicas have acknowledged what it wrote.
///
/// Two commands follow the script in the same frame: a PUBLISH, and `WAIT` for the replicas. Inside a script WAIT
/// answers for the writes before it. The PUBLISH is needed where the script finds that everything is written already:
/// WAIT looks at the last write of the same connection, so it answers at once (seen with Redis 8.2.3 and Valkey 9.1.2),
/// although the earlier write, over another connection, may not have reached a replica. A PUBLISH is passed on to
/// replicas, so WAIT answers for all that came before it, and it leaves nothing behind.
public struct ReplicaWait: Sendable, Equatable {
  /// How many replicas must acknowledge; 1 or more.
  public let replicas: Int
  /// How long they may take.
  public let time: Duration
  /// The channel of the PUBLISH, to which no client subscribes.
  public let channel: String

  /// A wait for this many replicas.
  public init(for replicas: Int, within time: Duration, channel: String) {
    precondition(replicas > 0 && time > .zero, "a wait is for one replica at least, and for some time")
    self.replicas = replicas
    self.time = time
    self.channel = channel
  }

  /// The commands that follow the script.
  var commands: [RedisArguments] {
    var publish: RedisArguments = ["PUBLISH"]
    publish.append(channel)
    publish.append("")
    var wait: RedisArguments = ["WAIT"]
    wait.append(replicas)
    wait.append(Int((time / .milliseconds(1)).rounded(.up)))
    return [publish, wait]
  }

  /// The result of the script, from the replies to it and to ``commands``.
  func result(_ replies: [RedisReply]) -> Result<RedisReply, RedisError> {
    guard replies.count == 1 + commands.count, let script = replies.first, let acknowledgement = replies.last else {
      return .failure(.unreplicated(reason: "Redis sent \(replies.count) replies to a script and a WAIT", remedy: nil))
    }
    // A script that has failed had nothing to be acknowledged, or says itself that it has stopped halfway.
    if case .error(let error) = script { return .failure(.reply(error)) }
    switch acknowledgement {
    case .integer(let count) where count >= replicas: return .success(script)
    case .integer(let count):
      return .failure(
        .unreplicated(
          reason: "only \(count) of \(replicas) replicas acknowledged the write within \(time)",
          remedy: "see that the replicas run and follow the primary, or lower WF_WAIT_REPLICAS"))
    case .error(let error): return .failure(.unreplicated(reason: "\(error)", remedy: error.remedy))
    default:
      return .failure(.unreplicated(reason: "Redis answered \(acknowledgement) to WAIT", remedy: nil))
    }
  }
}

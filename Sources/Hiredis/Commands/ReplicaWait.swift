/// Has a script, or commands, count only once replicas have acknowledged what they wrote.
///
/// Two commands follow in the same frame: a PUBLISH, and `WAIT` for the replicas. Inside a script WAIT answers for the
/// writes before it. The PUBLISH is needed where a script finds that everything is written already:
/// WAIT looks at the last write of the same connection, so it answers at once (seen with Redis 8.2.3 and Valkey 9.1.2),
/// although the earlier write, over another connection, may not have reached a replica. A PUBLISH is passed on to
/// replicas, so WAIT answers for all that came before it, and it leaves nothing behind.
///
/// In a Redis Cluster messages take another way than writes, so an empty value that expires is written instead.
public struct ReplicaWait: Sendable, Equatable {
  /// How many replicas must acknowledge; 1 or more.
  public let replicas: Int
  /// How long they may take.
  public let time: Duration
  /// The channel of the PUBLISH, to which no client subscribes. In a cluster a key, which has the slot of the script's.
  public let channel: String

  /// A wait for this many replicas.
  public init(for replicas: Int, within time: Duration, channel: String) {
    precondition(replicas > 0 && time > .zero, "a wait is for one replica at least, and for some time")
    self.replicas = replicas
    self.time = time
    self.channel = channel
  }

  /// The commands that follow.
  func commands(inCluster: Bool) -> [RedisArguments] {
    var publish: RedisArguments = inCluster ? ["SET"] : ["PUBLISH"]
    publish.append(channel)
    publish.append("")
    if inCluster { publish.append(contentsOf: ["EX", "60"]) }
    var wait: RedisArguments = ["WAIT"]
    wait.append(replicas)
    wait.append(Int((time / .milliseconds(1)).rounded(.up)))
    return [publish, wait]
  }

  /// The replies to what is to count, from these and those to ``commands(inCluster:)``. The first error is the result.
  /// - Parameter count: how many commands are to count.
  func result(_ replies: [RedisReply], of count: Int = 1) -> Result<[RedisReply], RedisError> {
    guard replies.count == count + 2, let acknowledgement = replies.last else {
      return .failure(.unreplicated(reason: "Redis sent \(replies.count) replies to a write and a WAIT", remedy: nil))
    }
    // What has failed had nothing to be acknowledged, or says itself that it has stopped halfway.
    for case .error(let error) in replies.prefix(count) { return .failure(.reply(error)) }
    switch acknowledgement {
    case .integer(let number) where number >= replicas: return .success(Array(replies.prefix(count)))
    case .integer(let number):
      return .failure(
        .unreplicated(
          reason: "only \(number) of \(replicas) replicas acknowledged the write within \(time)",
          remedy: "see that the replicas run and follow the primary, or lower WF_WAIT_REPLICAS"))
    case .error(let error): return .failure(.unreplicated(reason: "\(error)", remedy: error.remedy))
    default:
      return .failure(.unreplicated(reason: "Redis answered \(acknowledgement) to WAIT", remedy: nil))
    }
  }
}

/// What wf needs of Redis, in one list: every command that it sends or that its scripts call, on keys and channels
/// under its prefix.
///
/// The page Operating shows the list as a ready `ACL SETUSER` line; `wf doctor` and the start of both services compare
/// it with the rights of their user.
public enum RedisRequirements {
  /// A command, with arguments of the kind that wf gives it.
  struct Command: Sendable {
    /// The command's name in an ACL rule, such as `client|setname`.
    let name: String
    /// The command and its arguments; `KEY` and `CHANNEL` stand for wf's own.
    let words: [String]
    /// Whether wf does without it: it then knows less of the server.
    let isOptional: Bool
  }

  /// The commands that have subcommands, which are allowed one by one.
  private static let containers: Set<String> = ["client", "cluster", "config", "script"]

  /// Without these wf works, but shows no name in CLIENT LIST, or cannot see how Redis is configured.
  private static let optional = ["client setname wf", "config get maxmemory", "info server"]

  private static let needed = [
    "ping", "time", "select 0", "script load -", "evalsha - 1 KEY", "subscribe CHANNEL", "unsubscribe CHANNEL",
    "publish CHANNEL -", "exists KEY", "type KEY", "del KEY", "unlink KEY", "rename KEY KEY", "expire KEY 1",
    "persist KEY",
    "scan 0",
    "get KEY", "mget KEY", "set KEY -", "getrange KEY 0 0", "strlen KEY", "setrange KEY 0 -",
    "append KEY -", "hget KEY -",
    "hmget KEY -",
    "hgetall KEY", "hkeys KEY", "hlen KEY", "hstrlen KEY -", "hexists KEY -", "hset KEY - -", "hsetnx KEY - -",
    "hdel KEY -", "hincrby KEY - 1", "rpush KEY -", "lpush KEY -", "lpop KEY", "lrem KEY 1 -", "llen KEY",
    "lindex KEY 0", "lrange KEY 0 0", "ltrim KEY 0 0", "zadd KEY 0 -", "zrem KEY -", "zscore KEY -", "zcard KEY",
    "zcount KEY 0 0", "zrangebyscore KEY 0 0", "zrevrangebyscore KEY 0 0",
    "zrevrange KEY 0 0", "zremrangebyscore KEY 0 0",
    "zremrangebyrank KEY 0 0",
  ]

  /// What only a wait for replicas needs (`Limits/replicas`).
  private static let waiting = ["wait 1 0"]

  /// Whether wf needs a command only where it waits for replicas.
  static func isForReplicas(_ command: String) -> Bool { command == "wait" }

  /// What only a Redis Cluster needs.
  private static let inCluster = [
    "cluster slots", "cluster info", "asking", "ssubscribe CHANNEL", "sunsubscribe CHANNEL", "spublish CHANNEL -",
  ]
  private static let clusterNames = Set(inCluster.map { command($0, isOptional: false).name })

  /// Whether wf needs a command only in a Redis Cluster.
  static func isForCluster(_ command: String) -> Bool { clusterNames.contains(command) }

  static let commands =
    (needed + waiting + inCluster).map { command($0, isOptional: false) }
    + optional.map { command($0, isOptional: true) }

  private static func command(_ text: String, isOptional: Bool) -> Command {
    let words = text.split(separator: " ").map(String.init)
    let name = words.prefix(containers.contains(words[0]) ? 2 : 1).joined(separator: "|")
    return Command(name: name, words: words, isOptional: isOptional)
  }

  /// The rules of an ACL user that may do what wf needs under a prefix, and nothing else.
  public static func rules(_ keys: Keys) -> String {
    let pattern = pattern(keys.prefix) + "*"
    return (["~\(pattern)", "resetchannels", "&\(pattern)"] + commands.map { "+\($0.name)" }).joined(separator: " ")
  }

  /// A text as a glob pattern that matches it alone.
  private static func pattern(_ text: String) -> String {
    text.reduce(into: "") { pattern, character in
      if "*?[]\\".contains(character) { pattern.append("\\") }
      pattern.append(character)
    }
  }
}

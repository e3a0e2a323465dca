extension RedisReplyError {
  /// The classes of errors.
  public enum Meaning: Sendable, Equatable {
    /// The server is in a temporary state, or one that an operator must end; its role is unchanged.
    case state
    /// The server is not ready or accepts no writes; the same name may now resolve to another server.
    case standby
    /// Redis does not allow or support the command for this user, in this topology, or in this version.
    case refusal
    /// The command or script does not match the stored data.
    case mismatch
  }

  /// The class of the error; `refusal` for unknown errors.
  public var meaning: Meaning { rule?.meaning ?? .refusal }

  /// What an operator can do; nil if unknown, or if waiting is enough.
  public var remedy: String? { rule?.remedy }

  /// The cause in one word, the same for commands and scripts: `NOPERM`, `CLUSTER`, `VERSION`, ...
  public var cause: String { rule?.cause ?? code }

  /// Whether a script had begun: its writes before the error are kept.
  public var wasRaisedInScript: Bool { message.contains("on @user_script") || message.contains("script: on ") }

  private var rule: Rule? {
    Self.rules.first { rule in
      (rule.code == nil || rule.code == code) && (rule.text.isEmpty || message.contains(rule.text))
        && (rule.start.isEmpty || message.hasPrefix(rule.start))
    }
  }

  /// How an error is recognised: by its code, or by a part or the start of its message.
  private struct Rule {
    var code: String?
    var text = ""
    var start = ""
    let cause: String
    let meaning: Meaning
    var remedy: String?
  }

  private static let rules = states + standbys + logins + rights + topology + versions + mismatches

  private static func rule(_ code: String, _ meaning: Meaning, _ remedy: String? = nil) -> Rule {
    Rule(code: code, cause: code, meaning: meaning, remedy: remedy)
  }

  private static let states = [
    rule("OOM", .state, "raise maxmemory of Redis, or remove data"),
    rule("MISCONF", .state, "Redis cannot save to its disk: its log and the free space say why"),
    rule("NOREPLICAS", .state, "too few replicas are connected (min-replicas-to-write)"),
    rule("BUSY", .state), rule("UNKILLABLE", .state), rule("CLUSTERDOWN", .state), rule("TRYAGAIN", .state),
    rule("NOSCRIPT", .state),
    Rule(
      text: "proto-max-bulk-len", cause: "VALUESIZE", meaning: .refusal,
      remedy: "raise proto-max-bulk-len of Redis above WF_MAX_RUN_BYTES, or lower that"),
    Rule(text: "max number of clients", cause: "MAXCLIENTS", meaning: .state, remedy: "raise maxclients of Redis"),
  ]

  private static let followPrimary =
    "this Redis is a replica: set REDIS_URL to the primary, to a name that follows it, or to its sentinels"

  private static let standbys = [
    rule("READONLY", .standby, followPrimary),
    rule("MASTERDOWN", .standby, "this Redis is a replica without its primary: set REDIS_URL to the primary"),
    rule("LOADING", .standby),
  ]

  private static let logins = [
    rule(
      "NOAUTH", .refusal,
      "give the password in the Redis address (REDIS_URL), in a file that the services may read (REDIS_PASSWORD_FILE), or on "
        + "a host with systemd in /etc/credstore/redis_password"),
    rule("WRONGPASS", .refusal, "correct the user or the password in the Redis address, or set them on the server"),
    rule("DENIED", .refusal, "set a password on the server, or let it listen on a local address only"),
    Rule(
      text: "without any password", cause: "NOPASSWORD", meaning: .refusal,
      remedy: "take the password out of the Redis address, or set one on the server"),
  ]

  private static let allow =
    "allow this user what wf needs: Operating.md has the ACL SETUSER line, and wf doctor names what is missing"

  private static let rights = [
    rule("NOPERM", .refusal, allow),
    // In a script the code is ERR; the texts are of Redis 7, and of Redis 8 and Valkey.
    Rule(text: "The user executing the script can't", cause: "NOPERM", meaning: .refusal, remedy: allow),
    Rule(text: "ACL failure in script", cause: "NOPERM", meaning: .refusal, remedy: allow),
    Rule(text: "unknown command", cause: "NOCOMMAND", meaning: .refusal, remedy: commands),
    Rule(text: "Unknown Redis command", cause: "NOCOMMAND", meaning: .refusal, remedy: commands),
    Rule(text: "Unknown command called", cause: "NOCOMMAND", meaning: .refusal, remedy: commands),
  ]

  private static let commands =
    "this server has no such command, or renames it (rename-command in redis.conf); wf doctor names what is missing"

  private static let clusterAddress =
    "Redis is a cluster: set REDIS_URL to its nodes (redis+cluster://HOST,HOST,HOST), and WF_PARTITIONS to 2 or more, or "
    + "WF_KEY_PREFIX={wf}: for a single slot"

  private static let topology = [
    Rule(code: "CROSSSLOT", cause: "CLUSTER", meaning: .refusal, remedy: clusterAddress),
    Rule(code: "MOVED", cause: "CLUSTER", meaning: .refusal, remedy: clusterAddress),
    Rule(code: "ASK", cause: "CLUSTER", meaning: .refusal, remedy: clusterAddress),
    Rule(text: "hash to the same slot", cause: "CLUSTER", meaning: .refusal, remedy: clusterAddress),
    Rule(text: "non local key in a cluster", cause: "CLUSTER", meaning: .refusal, remedy: clusterAddress),
    Rule(
      text: "not allowed in cluster mode", cause: "CLUSTER", meaning: .refusal,
      remedy: "a Redis cluster has database 0 only: take the number out of the Redis address"),
    Rule(
      text: "DB index", cause: "DATABASE", meaning: .refusal,
      remedy: "choose a database that the server has (its setting `databases`)"),
  ]

  private static let versions = [
    // Redis before version 7 does not accept the first line, `#!lua`.
    Rule(text: "near '#'", cause: "VERSION", meaning: .refusal, remedy: "wf's scripts need Redis 7 or newer, or Valkey")
  ]

  private static let mismatches = [
    rule("WRONGTYPE", .mismatch),
    Rule(start: "user_script:", cause: "SCRIPT", meaning: .mismatch),
    Rule(text: "not an integer", cause: "SCRIPT", meaning: .mismatch),
    Rule(text: "not a valid float", cause: "SCRIPT", meaning: .mismatch),
  ]
}

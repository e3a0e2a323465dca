/// Asks a sentinel one thing over a separate socket. Blocks.
struct SentinelQuestion: Sendable {
  let login: RedisAddress.Login
  /// How long the answer may take, the name resolved.
  let patience: Duration

  /// Asks at each address of a host until one answers.
  /// - Throws: `LinkFailure`, also for an error reply.
  func ask(_ question: RedisArguments, at host: RedisAddress.Host) throws(LinkFailure) -> RedisReply {
    try ServerQuestion(login: login, tls: nil, patience: patience, failure: Self.failure).ask([question], at: host)[0]
  }

  /// Sentinels have users and passwords of their own, so the remedies differ from those of Redis.
  private static func failure(_ error: RedisReplyError) -> LinkFailure {
    let remedy: String? =
      switch error.cause {
      case "NOAUTH", "WRONGPASS", "NOPERM":
        "give the sentinels' password in REDIS_SENTINEL_PASSWORD or REDIS_SENTINEL_PASSWORD_FILE, and their user, if they "
          + "have any, in REDIS_SENTINEL_USERNAME; the user needs +sentinel|get-master-addr-by-name"
      case "NOPASSWORD": "the sentinels have no password: take REDIS_SENTINEL_PASSWORD away, or set one there"
      case "NOCOMMAND":
        "this is no sentinel: name sentinels in REDIS_URL, which listen on port 26379 by default"
      default: nil
      }
    return LinkFailure(error.description, remedy: remedy)
  }
}

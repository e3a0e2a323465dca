import Glibc
import LinuxSupport

/// Asks a sentinel one thing over a separate socket. Blocks.
struct SentinelQuestion: Sendable {
  let login: RedisAddress.Login
  /// How long the answer may take, the name resolved.
  let patience: Duration

  /// Asks at each address of a host until one answers.
  /// - Throws: `LinkFailure`, also for an error reply.
  func ask(_ question: RedisArguments, at host: RedisAddress.Host) throws(LinkFailure) -> RedisReply {
    var failure = LinkFailure("the host has no address")
    for target in try NameLookup.targets(of: host).get() {
      do throws(LinkFailure) { return try ask(question, at: target) } catch { failure = error }
    }
    throw failure
  }

  private func ask(_ question: RedisArguments, at target: RedisSocket.Target) throws(LinkFailure) -> RedisReply {
    let deadline = MonotonicInstant.now + patience
    let socket = try RedisSocket(target)
    guard Self.wait(for: POLLOUT, on: socket, until: deadline) != 0 else {
      throw LinkFailure("cannot connect within \(patience)")
    }
    try socket.finishConnecting()
    var commands = [question]
    if let password = try login.currentPassword() {
      var command: RedisArguments = ["AUTH"]
      if let user = login.user { command.append(user) }
      command.append(password)
      commands.insert(command, at: 0)
    }
    socket.append(RedisArguments.frame(of: commands))
    var last = RedisReply.null
    for _ in commands {
      last = try Self.nextReply(on: socket, until: deadline)
      if case .error(let error) = last { throw Self.failure(error) }
    }
    return last
  }

  private static func nextReply(
    on socket: RedisSocket, until deadline: MonotonicInstant
  ) throws(LinkFailure) -> RedisReply {
    while true {
      if let reply = try socket.nextReply() { return reply }
      try socket.write()
      let events = wait(for: socket.hasUnwritten ? POLLIN | POLLOUT : POLLIN, on: socket, until: deadline)
      if events == 0 { throw LinkFailure("no answer in time") }
      if events & ~Int16(POLLOUT) != 0 { try socket.read() }
    }
  }

  /// - Returns: the events of the socket, as from `poll`; 0 once the time is over.
  private static func wait(for events: Int32, on socket: RedisSocket, until deadline: MonotonicInstant) -> Int16 {
    while true {
      let left = max((deadline - .now) / .milliseconds(1), 0).rounded(.up)
      var descriptor = pollfd(fd: socket.descriptor, events: Int16(events), revents: 0)
      let count = poll(&descriptor, 1, Int32(min(left, 60_000)))
      if count > 0 { return descriptor.revents }
      if left == 0 { return 0 }
    }
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
        "this is no sentinel: name sentinels in REDIS_URL, which listen on port 26379 unless told otherwise"
      default: nil
      }
    return LinkFailure(error.description, remedy: remedy)
  }
}

import Glibc
import LinuxSupport

/// Asks a server a few things over a separate socket. Blocks.
struct ServerQuestion: Sendable {
  let login: RedisAddress.Login
  let tls: RedisTLS?
  /// How long the answers may take, the name resolved.
  let patience: Duration
  /// What an error reply means, to the login or to a command.
  let failure: @Sendable (RedisReplyError) -> LinkFailure

  /// Asks at each address of a host until one answers.
  /// - Returns: a reply to each command.
  /// - Throws: `LinkFailure`, also for an error reply to the first command or to the login.
  func ask(_ questions: [RedisArguments], at host: RedisAddress.Host) throws(LinkFailure) -> [RedisReply] {
    var failure = LinkFailure("the host has no address")
    for target in try NameLookup.targets(of: host).get() {
      do throws(LinkFailure) { return try ask(questions, at: target, of: host) } catch { failure = error }
    }
    throw failure
  }

  private func ask(
    _ questions: [RedisArguments], at target: RedisSocket.Target, of host: RedisAddress.Host
  ) throws(LinkFailure) -> [RedisReply] {
    let deadline = MonotonicInstant.now + patience
    let stream: TLSStream?
    if let tls { stream = TLSStream(try TLSSession(to: host.name, tls)) } else { stream = nil }
    let socket = try RedisSocket(target, tls: stream)
    guard Self.wait(for: POLLOUT, on: socket, until: deadline) != 0 else {
      throw LinkFailure("cannot connect within \(patience)")
    }
    try socket.finishConnecting()
    var commands = questions
    if let password = try login.currentPassword() {
      var command: RedisArguments = ["AUTH"]
      if let user = login.user { command.append(user) }
      command.append(password)
      commands.insert(command, at: 0)
    }
    socket.append(RedisArguments.frame(of: commands))
    var replies: [RedisReply] = []
    for _ in commands {
      let reply = try Self.nextReply(on: socket, until: deadline)
      if case .error(let error) = reply, replies.count <= commands.count - questions.count { throw failure(error) }
      replies.append(reply)
    }
    return replies.suffix(questions.count)
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
}

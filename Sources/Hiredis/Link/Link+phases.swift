import Glibc

/// From phase to phase.
extension Link {
  /// Does what the phase calls for, given what `poll` said of the socket.
  func advance(on events: Int16, at now: Instant) throws(LinkFailure) {
    switch phase {
    case .pausing(let until):
      if now >= until { try open(at: now) }
    case .resolving(let lookup):
      if let result = lookup.result { try connect(to: try targets(result)[...], at: now) }
    case .connecting(let socket, let others, let until):
      if events != 0 || lookedAt >= until { try finishConnecting(socket, orTry: others, isLate: events == 0, at: now) }
    case .greeting(let socket, let greeting, let until):
      if Self.isReadable(events) { try continueGreeting(greeting, over: socket, until: until, at: now) }
      if case .greeting = phase, lookedAt >= until {
        throw LinkFailure("Redis accepts connections but gave no answer within \(configuration.limits.attempt)")
      }
    case .ready(let socket):
      if events & Int16(POLLOUT) != 0 { quietSince = now }  // the peer takes what a large command consists of
      if Self.isReadable(events) { try read(from: socket, at: now) }
      if traffic.awaitsReply, lookedAt >= quietSince + configuration.limits.silence {
        throw LinkFailure("not a byte came for \(configuration.limits.silence) while answers were due")
      }
    }
  }

  /// Hands to the socket what it takes in one turn.
  func flush(at now: Instant) throws(LinkFailure) {
    switch phase {
    case .pausing, .resolving, .connecting: return
    case .greeting(let socket, _, _): try socket.write()
    case .ready(let socket):
      try socket.write()
      if socket.hasUnwritten { return }
      try fill(socket, at: now)
      try socket.write()
    }
  }

  /// Drops the socket and waits before the next attempt.
  func fail(_ failure: LinkFailure, at now: Instant) {
    if case .ready = phase {
      port.isUp = false
      traffic.linkIsDown()
      journal.lost(failure)
    } else {
      journal.attemptFailed(failure, at: now)
    }
    phase = .pausing(until: now + backoff.next())
  }

  private static func isReadable(_ events: Int16) -> Bool {
    events & ~Int16(POLLOUT) != 0
  }

  private func open(at now: Instant) throws(LinkFailure) {
    switch configuration.address.endpoint {
    case .unix(let path): try connect(to: [.unix(path: path)], at: now)
    case .tcp(let host, _): phase = .resolving(try NameLookup(host: host, doorbell: port.doorbell))
    }
  }

  private func targets(_ lookup: Result<[String], LinkFailure>) throws(LinkFailure) -> [RedisSocket.Target] {
    guard case .tcp(_, let port) = configuration.address.endpoint else { return [] }
    return try lookup.get().map { .tcp(address: $0, port: port) }
  }

  private func connect(to targets: ArraySlice<RedisSocket.Target>, at now: Instant) throws(LinkFailure) {
    guard let target = targets.first else { throw LinkFailure("the host has no address") }
    let others = targets.dropFirst()
    do throws(LinkFailure) {
      let until = now + configuration.limits.attempt
      phase = .connecting(try RedisSocket(target), others: others, until: until)
    } catch {
      if others.isEmpty { throw error }
      try connect(to: others, at: now)
    }
  }

  private func finishConnecting(
    _ socket: RedisSocket, orTry others: ArraySlice<RedisSocket.Target>, isLate: Bool, at now: Instant
  ) throws(LinkFailure) {
    do throws(LinkFailure) {
      if isLate { throw LinkFailure("cannot connect within \(configuration.limits.attempt)") }
      try socket.finishConnecting()
      try greet(over: socket, at: now)
    } catch {
      if others.isEmpty { throw error }
      try connect(to: others, at: now)
    }
  }

  private func greet(over socket: RedisSocket, at now: Instant) throws(LinkFailure) {
    let greeting = Greeting(configuration.address, name: configuration.name)
    try socket.append(greeting.frames)
    phase = .greeting(socket, greeting, until: now + configuration.limits.attempt)
  }

  private func continueGreeting(
    _ greeting: Greeting, over socket: RedisSocket, until: Instant, at now: Instant
  ) throws(LinkFailure) {
    var greeting = greeting
    try socket.read()
    while let reply = try socket.nextReply() {
      if try greeting.receive(reply) { return becomeReady(socket, at: now) }
    }
    phase = .greeting(socket, greeting, until: until)
  }

  private func becomeReady(_ socket: RedisSocket, at now: Instant) {
    phase = .ready(socket)
    quietSince = now
    hasMoreToWrite = false
    port.isUp = true
    journal.connected()
    traffic.linkIsUp(at: now)
  }

  private func read(from socket: RedisSocket, at now: Instant) throws(LinkFailure) {
    try socket.read()
    quietSince = now
    while let reply = try socket.nextReply() {
      try traffic.receive(reply)
      backoff.reset()
    }
  }

  private func fill(_ socket: RedisSocket, at now: Instant) throws(LinkFailure) {
    if !traffic.awaitsReply { quietSince = now }
    var room = configuration.limits.batch
    while room > 0, let frame = traffic.nextFrame(at: now) {
      try socket.append(frame)
      room -= frame.count
    }
    hasMoreToWrite = room <= 0
  }
}

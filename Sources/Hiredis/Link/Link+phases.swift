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
    case .greeting(_, _, let others, _):
      do throws(LinkFailure) { try continueGreeting(on: events, at: now) } catch {
        if others.isEmpty { throw error }
        try connect(to: others, at: now)
      }
    case .ready(let socket):
      if Self.isReadable(events) { try read(from: socket, at: now) }
      noteDelivery(on: socket, at: now)
      try refuseReplica(at: now)
      if traffic.awaitsReply, lookedAt >= quietSince + configuration.limits.silence {
        throw LinkFailure("not a byte came for \(configuration.limits.silence) while answers were due")
      }
    }
  }

  /// Hands to the socket what it takes in one turn.
  func flush(at now: Instant) throws(LinkFailure) {
    switch phase {
    case .pausing, .resolving, .connecting: return
    case .greeting(let socket, _, _, _): try socket.write()
    case .ready(let socket):
      try socket.write()
      if socket.hasUnwritten { return }
      try fill(socket, at: now)
      try socket.write()
    }
  }

  /// Drops the socket and waits before the next attempt.
  func fail(_ failure: LinkFailure, at now: Instant) {
    port.failure = failure
    if case .ready = phase {
      port.isUp = false
      traffic.linkIsDown()
      journal.lost(failure, at: now)
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
    case .tcp(let host, _): phase = .resolving(try NameLookup(host: host, waker: port.waker))
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
      try greet(over: socket, orTry: others, at: now)
    } catch {
      if others.isEmpty { throw error }
      try connect(to: others, at: now)
    }
  }

  private func greet(
    over socket: RedisSocket, orTry others: ArraySlice<RedisSocket.Target>, at now: Instant
  ) throws(LinkFailure) {
    let address = configuration.address
    let greeting = Greeting(address, password: try address.currentPassword(), name: configuration.name)
    socket.append(greeting.frames)
    phase = .greeting(socket, greeting, others: others, until: now + configuration.limits.attempt)
  }

  private func continueGreeting(on events: Int16, at now: Instant) throws(LinkFailure) {
    guard case .greeting(let socket, var greeting, let others, let until) = phase else { return }
    if Self.isReadable(events) {
      try socket.read()
      while let reply = try socket.nextReply() {
        if try greeting.receive(reply) { return becomeReady(socket, at: now) }
      }
      phase = .greeting(socket, greeting, others: others, until: until)
    }
    if lookedAt >= until {
      throw LinkFailure("Redis accepts connections but gave no answer within \(configuration.limits.attempt)")
    }
  }

  private func becomeReady(_ socket: RedisSocket, at now: Instant) {
    phase = .ready(socket)
    quietSince = now
    readySince = now
    // The greeting was answered, so all of it was taken.
    bytesBefore = socket.delivered
    delivered = 0
    replicasSeen = replicas.count
    hasMoreToWrite = false
    port.failure = nil
    port.generation += 1
    port.isUp = true
    journal.connected()
    traffic.linkIsUp(at: now)
  }

  private func read(from socket: RedisSocket, at now: Instant) throws(LinkFailure) {
    try socket.read()
    quietSince = now
    traffic.hear(at: now)
    while let reply = try socket.nextReply() {
      do throws(LinkFailure) { try traffic.receive(reply) } catch {
        if case .error(let answer) = reply, answer.meaning == .standby { replicas.add() }
        throw error
      }
      // A server that drops the link again and again right after the greeting is not asked faster and faster.
      if now - readySince > configuration.limits.longestBackoff { backoff.reset() }
    }
  }

  /// Notes what the server's side has taken since the last look: it is not silent while it takes a large command.
  func noteDelivery(on socket: RedisSocket, at now: Instant) {
    guard traffic.awaitsReply || socket.hasUnwritten, now >= nextDeliveryLook else { return }
    nextDeliveryLook = now + configuration.limits.deliveryLook
    let bytes = socket.delivered - bytesBefore
    guard bytes > delivered else { return }
    delivered = bytes
    quietSince = now
    traffic.deliver(bytes, at: now)
  }

  /// Leaves a server that another link of this process has found to be a replica, if this link cannot find out itself.
  private func refuseReplica(at now: Instant) throws(LinkFailure) {
    if Traffic.noticesReplica || replicas.count == replicasSeen { return }
    throw LinkFailure("another connection has found that this server does not serve now")
  }

  private func fill(_ socket: RedisSocket, at now: Instant) throws(LinkFailure) {
    if !traffic.awaitsReply { quietSince = now }
    var room = configuration.limits.batch
    while room > 0, let frame = traffic.nextFrame(at: now) {
      socket.append(frame)
      room -= frame.count
    }
    hasMoreToWrite = room <= 0
  }
}

import Glibc
import LinuxSupport

/// The transitions between phases.
extension Link {
  /// Performs the next transition, if it is due.
  /// - Parameter events: of the socket, as from `poll`.
  /// - Throws: `LinkFailure` when the socket must be closed.
  func advance(on events: Int16, at now: Instant) throws(LinkFailure) {
    switch phase {
    case .pausing(let until):
      if now >= until { try open(at: now) }
    case .resolving(let lookup):
      if let result = lookup.result {
        let found = try result.get()
        sentinel = found.sentinel
        try connect(to: found.targets[...], at: now)
      }
    case .connecting(let socket, let others, let until):
      if events != 0 || polledAt >= until { try finishConnecting(socket, orTry: others, isLate: events == 0, at: now) }
    case .handshaking(_, _, let others, _):
      do throws(LinkFailure) { try continueHandshake(on: events, at: now) } catch {
        if others.isEmpty { throw error }
        refusal = refusal ?? error
        try connect(to: others, at: now)
      }
    case .ready(let socket):
      if Self.isReadable(events) { try read(from: socket, at: now) }
      noteDelivery(on: socket, at: now)
      try refuseReplica(at: now)
      try followSentinels(at: now)
      if traffic.awaitsReply, polledAt >= quietSince + configuration.limits.silence {
        throw LinkFailure("no byte arrived for \(configuration.limits.silence) while replies were due")
      }
    }
  }

  /// Writes as much to the socket as it accepts.
  func flush(at now: Instant) throws(LinkFailure) {
    switch phase {
    case .pausing, .resolving, .connecting: return
    case .handshaking(let socket, _, _, _): try socket.write()
    case .ready(let socket):
      try socket.write()
      if socket.hasUnwritten { return }
      try fill(socket, at: now)
      try socket.write()
    }
  }

  /// Closes the socket and waits before the next attempt.
  ///
  /// What an address of the host has answered says more than that another one cannot be reached.
  func fail(_ failure: LinkFailure, at now: Instant) {
    let failure = attributed(refusal.take() ?? failure)
    configuration.topology?.doubt()
    mailbox.failure = failure
    if case .ready = phase {
      mailbox.isUp = false
      traffic.linkIsDown()
      log.lost(failure, at: now)
    } else {
      log.attemptFailed(failure, at: now)
    }
    phase = .pausing(until: now + backoff.next())
  }

  /// A failure of an attempt, with the server that a sentinel has named. Another sentinel is asked next.
  private func attributed(_ failure: LinkFailure) -> LinkFailure {
    guard let answer = sentinel.take() else { return failure }
    if case .ready = phase { return failure }
    preference.passOver(answer.index)
    return LinkFailure("at \(answer.primary), which a sentinel names: \(failure.reason)", remedy: failure.remedy)
  }

  private static func isReadable(_ events: Int16) -> Bool {
    events & ~Int16(POLLOUT) != 0
  }

  private func open(at now: Instant) throws(LinkFailure) {
    switch configuration.address.endpoint {
    case .unix(let path): try connect(to: [.unix(path: path)], at: now)
    case .tcp(let name, let port):
      let host = RedisAddress.Host(name: name, port: port)
      phase = .resolving(
        try TargetLookup(name, waker: mailbox.waker) { NameLookup.targets(of: host).map { .init(targets: $0) } })
    case .sentinels(let hosts, let name):
      phase = .resolving(try askSentinels(hosts, for: name))
    case .cluster: preconditionFailure("a link is to one node of a cluster")
    }
  }

  private func askSentinels(_ hosts: [RedisAddress.Host], for name: String) throws(LinkFailure) -> TargetLookup {
    let lookup = SentinelLookup(
      hosts: hosts, name: name, login: configuration.address.sentinelLogin, patience: configuration.limits.sentinel,
      preference: preference)
    return try TargetLookup(name, waker: mailbox.waker) { lookup.find() }
  }

  /// Leaves a primary that sentinels have replaced: they demote it only some ten seconds later, and what it takes
  /// meanwhile is lost.
  private func followSentinels(at now: Instant) throws(LinkFailure) {
    guard case .sentinels(let hosts, let name) = configuration.address.endpoint else { return }
    if let primary = preference.primary, let sentinel, primary != sentinel.primary {
      throw LinkFailure("a sentinel names another primary, \(primary)")
    }
    guard preference.takesTurn(at: now, every: configuration.limits.sentinelCheck) else { return }
    // The answer is shared by all links, and wakes this one.
    sentinelCheck = try askSentinels(hosts, for: name)
  }

  private func connect(to targets: ArraySlice<RedisSocket.Target>, at now: Instant) throws(LinkFailure) {
    guard let target = targets.first else { throw LinkFailure("the host has no address") }
    let others = targets.dropFirst()
    do throws(LinkFailure) {
      let until = now + configuration.limits.attempt
      phase = .connecting(try RedisSocket(target, tls: try tlsStream()), others: others, until: until)
    } catch {
      if others.isEmpty { throw error }
      try connect(to: others, at: now)
    }
  }

  /// The files are read each time, so that changed ones need no restart.
  private func tlsStream() throws(LinkFailure) -> TLSStream? {
    guard let tls = configuration.address.tls, case .tcp(let host, _) = configuration.address.endpoint else {
      return nil
    }
    return TLSStream(try TLSSession(to: host, tls))
  }

  private func finishConnecting(
    _ socket: RedisSocket, orTry others: ArraySlice<RedisSocket.Target>, isLate: Bool, at now: Instant
  ) throws(LinkFailure) {
    do throws(LinkFailure) {
      if isLate { throw LinkFailure("cannot connect within \(configuration.limits.attempt)") }
      try socket.finishConnecting()
      try startHandshake(over: socket, orTry: others, at: now)
    } catch {
      if others.isEmpty { throw error }
      try connect(to: others, at: now)
    }
  }

  private func startHandshake(
    over socket: RedisSocket, orTry others: ArraySlice<RedisSocket.Target>, at now: Instant
  ) throws(LinkFailure) {
    let address = configuration.address
    let handshake = Handshake(
      address, password: try address.currentPassword(), name: configuration.name,
      inCluster: configuration.topology != nil)
    socket.append(handshake.frames)
    phase = .handshaking(socket, handshake, others: others, until: now + configuration.limits.attempt)
  }

  private func continueHandshake(on events: Int16, at now: Instant) throws(LinkFailure) {
    guard case .handshaking(let socket, var handshake, let others, let until) = phase else { return }
    if Self.isReadable(events) {
      try socket.read()
      while let reply = try socket.nextReply() {
        if try handshake.receive(reply) { return becomeReady(socket, at: now) }
      }
      phase = .handshaking(socket, handshake, others: others, until: until)
    }
    if polledAt >= until {
      if socket.awaitsTLS { throw .noTLSHandshake(within: configuration.limits.attempt) }
      throw LinkFailure("Redis accepts connections but sent no reply within \(configuration.limits.attempt)")
    }
  }

  private func becomeReady(_ socket: RedisSocket, at now: Instant) {
    phase = .ready(socket)
    refusal = nil
    quietSince = now
    readySince = now
    // All of the handshake was answered, so all of it was delivered.
    bytesBefore = socket.delivered
    delivered = 0
    replicasSeen = replicas.count
    hasMoreToWrite = false
    mailbox.failure = nil
    mailbox.generation += 1
    if mailbox.generation > 1 { configuration.meter?.noteReconnect() }
    mailbox.isUp = true
    log.connected()
    traffic.linkIsUp(at: now)
  }

  private func read(from socket: RedisSocket, at now: Instant) throws(LinkFailure) {
    try socket.read()
    quietSince = now
    traffic.noteReceived(at: now)
    while let reply = try socket.nextReply() {
      do throws(LinkFailure) { try traffic.receive(reply) } catch {
        if case .error(let answer) = reply, answer.meaning == .standby { replicas.add() }
        throw error
      }
      // Not reset at once: a server that closes each connection right after the handshake needs the longer waits.
      if now - readySince > configuration.limits.longestBackoff { backoff.reset() }
    }
  }

  /// Checks how many bytes the server's host has acknowledged: a server that receives a large command is not silent.
  func noteDelivery(on socket: RedisSocket, at now: Instant) {
    guard traffic.awaitsReply || socket.hasUnwritten, now >= nextDeliveryCheck else { return }
    nextDeliveryCheck = now + configuration.limits.deliveryCheck
    let bytes = socket.delivered - bytesBefore
    guard bytes > delivered else { return }
    delivered = bytes
    quietSince = now
    traffic.noteDelivered(bytes, at: now)
  }

  /// Fails the link if another one of this process has found that the server is a replica, and this one cannot find
  /// out.
  private func refuseReplica(at now: Instant) throws(LinkFailure) {
    if Traffic.noticesReplica || replicas.count == replicasSeen { return }
    throw LinkFailure("another connection has found that this server is not ready")
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

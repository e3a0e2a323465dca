import Glibc
import LinuxSupport

/// A connection to Redis that reconnects automatically.
///
/// One thread owns everything in here; callers communicate with it through the mailbox.
///
/// ```
/// pausing ──▶ resolving ──▶ connecting ──▶ handshaking ──▶ ready
///    ▲            │              │               │            │
///    └────────────┴──────────────┴───────────────┴────────────┘ any failure, then a backoff
/// ```
final class Link<Traffic: LinkTraffic> {
  /// A point in time.
  typealias Instant = MonotonicInstant

  /// The state of the connection.
  enum Phase {
    /// Waiting before the next attempt, without a socket.
    case pausing(until: Instant)
    /// The host's name is being looked up, or sentinels are asked for the primary.
    case resolving(TargetLookup)
    /// A socket is connecting. If that fails, the host's other addresses are tried at once.
    case connecting(RedisSocket, others: ArraySlice<RedisSocket.Target>, until: Instant)
    /// The end of the TLS handshake, if any, or replies to Redis's handshake are due. If one of them is refused, the
    /// host's other addresses are tried at once.
    case handshaking(RedisSocket, Handshake, others: ArraySlice<RedisSocket.Target>, until: Instant)
    /// Commands can be sent.
    case ready(RedisSocket)
  }

  /// The address and the limits.
  let configuration: LinkConfiguration
  /// Shared with the callers.
  let mailbox: LinkMailbox<Traffic.Message>
  /// The commands or subscriptions of the link.
  var traffic: Traffic
  /// The current phase.
  var phase = Phase.pausing(until: .now)
  /// The waits between attempts.
  var backoff: Backoff
  /// The log.
  var log: ConnectionLog
  /// Why an address of the host refused the handshake in the current attempt; nil as long as none did.
  var refusal: LinkFailure?
  /// When the last byte was received or delivered, or when the first reply became due after an idle time.
  var quietSince = Instant.now
  /// When the handshake was complete.
  var readySince = Instant.now
  /// Bytes that the server's host had acknowledged on this socket when the handshake was complete.
  var bytesBefore = 0
  /// Bytes of the traffic that the server's host had acknowledged at the last check.
  var delivered = 0
  /// The time of the next check of `delivered`.
  var nextDeliveryCheck = Instant.now
  /// Shared by all links of the process to the same server.
  let replicas: ReplicaSightings
  /// The count of `replicas` when this link came up.
  var replicasSeen = 0
  /// Which sentinel is asked first.
  let preference: SentinelPreference
  /// What the sentinel said that was asked for the current attempt; nil without sentinels.
  var sentinel: SentinelAnswer?
  /// The last question to the sentinels while the link is up.
  var sentinelCheck: TargetLookup?
  /// When the last `poll` began.
  ///
  /// Deadlines are compared with this time, not with the current one: replies may have arrived while this thread was
  /// delayed.
  var polledAt = Instant.now
  /// Reused for the messages of each round.
  private var messages: [Traffic.Message] = []
  /// Whether the traffic may have more to write than one batch.
  var hasMoreToWrite = false

  private init(_ configuration: LinkConfiguration, _ mailbox: LinkMailbox<Traffic.Message>, _ traffic: Traffic) {
    self.configuration = configuration
    self.mailbox = mailbox
    self.traffic = traffic
    backoff = Backoff(first: configuration.limits.firstBackoff, longest: configuration.limits.longestBackoff)
    log = ConnectionLog(configuration)
    replicas = ReplicaSightings.of(configuration.address.endpoint)
    preference = SentinelPreference.of(configuration.address.endpoint)
  }

  /// Starts the thread, which runs until the mailbox is closed.
  static func start(_ configuration: LinkConfiguration, mailbox: LinkMailbox<Traffic.Message>, traffic: Traffic) {
    do {
      try SystemThread.detach(name: configuration.name) { Link(configuration, mailbox, traffic).run() }
    } catch {
      fatalError("no thread for the connection to Redis: \(error): raise the limit of threads (TasksMax)")
    }
  }

  private func run() {
    let jobs = JobQueue()
    var isOpen = true
    while isOpen {
      let events = waitForEvents()
      let now = Instant.now
      do throws(LinkFailure) {
        if let sent = mailbox.reclaim() { try accept(sent) }
        try advance(on: events, at: now)
      } catch {
        fail(error, at: now)
      }
      // Commands are sent before jobs run, so that Redis works meanwhile.
      isOpen = exchange(at: now, beforeJobs: jobs.hasReadyJobs)
      while jobs.hasReadyJobs {
        jobs.runReadyJobs()
        isOpen = exchange(at: now, beforeJobs: false)
      }
    }
    mailbox.isUp = false
    traffic.end()
    jobs.runReadyJobs()
  }

  /// Accepts the messages of callers, expires late commands, and writes to the socket.
  /// - Returns: false once the mailbox is closed.
  private func exchange(at now: Instant, beforeJobs: Bool) -> Bool {
    let isOpen = mailbox.drain(into: &messages, staysAwake: beforeJobs)
    for message in messages { traffic.accept(message) }
    messages.removeAll(keepingCapacity: true)
    if let deadline = traffic.nextDeadline, deadline <= now { expire(at: now) }
    do throws(LinkFailure) { try flush(at: now) } catch { fail(error, at: now) }
    return isOpen
  }

  /// Expires late commands, unless the server's host has acknowledged more of their bytes by now.
  private func expire(at now: Instant) {
    nextDeliveryCheck = now
    if case .ready(let socket) = phase { noteDelivery(on: socket, at: now) }
    traffic.expire(at: now, because: lateReason)
  }

  /// Accepts a message that a caller wrote to the lent socket.
  private func accept(_ sent: LinkMailbox<Traffic.Message>.SentMessage) throws(LinkFailure) {
    traffic.acceptSent(sent.message)
    if case .ready(let socket) = phase { socket.noteWritten(sent.count) }
    if !sent.isWhole { throw LinkFailure("the socket accepted only part of a command") }
  }

  /// Lends the socket to callers if it is idle and has no TLS, whose state belongs to this thread.
  /// - Returns: how long this thread may then sleep, in milliseconds; nil if the socket is in use.
  private func lendSocket() -> Int32? {
    guard Traffic.lendsSocket, case .ready(let socket) = phase, socket.takesBytesAsTheyAre, !socket.hasUnwritten,
      !hasMoreToWrite, !traffic.awaitsReply
    else { return nil }
    mailbox.lend(.init(descriptor: socket.descriptor, until: polledAt + configuration.limits.loan))
    return Int32(configuration.limits.loan / .milliseconds(1))
  }

  /// Sleeps until there is something to do.
  /// - Returns: the events of the socket, as from `poll`.
  private func waitForEvents() -> Int16 {
    let (socket, events) = interest
    polledAt = .now
    var timeout = pollTimeout
    if let most = lendSocket() { timeout = timeout < 0 ? most : min(timeout, most) }
    return withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 2) { descriptors in
      descriptors[0] = pollfd(fd: mailbox.waker.descriptor, events: Int16(POLLIN), revents: 0)
      descriptors[1] = pollfd(fd: socket?.descriptor ?? -1, events: Int16(events), revents: 0)
      guard poll(descriptors.baseAddress, 2, timeout) > 0 else { return 0 }
      if descriptors[0].revents != 0 { mailbox.waker.drain() }
      return descriptors[1].revents
    }
  }

  private var interest: (socket: RedisSocket?, events: Int32) {
    switch phase {
    case .pausing, .resolving: (nil, 0)
    case .connecting(let socket, _, _): (socket, POLLOUT)
    case .handshaking(let socket, _, _, _): (socket, socket.hasUnwritten ? POLLIN | POLLOUT : POLLIN)
    case .ready(let socket): (socket, socket.hasUnwritten || hasMoreToWrite ? POLLIN | POLLOUT : POLLIN)
    }
  }

  /// In milliseconds, rounded up so that no deadline is checked too early.
  private var pollTimeout: Int32 {
    guard let deadline = earlier(earlier(phaseDeadline, traffic.nextDeadline), deliveryCheck) else { return -1 }
    let wait = (deadline - polledAt) / .milliseconds(1)
    return Int32(min(max(wait.rounded(.up), 0), 60_000))
  }

  private var phaseDeadline: Instant? {
    switch phase {
    case .pausing(let until): until
    case .resolving: nil
    case .connecting(_, _, let until), .handshaking(_, _, _, let until): until
    case .ready: traffic.awaitsReply ? quietSince + configuration.limits.silence : nil
    }
  }

  /// When to check for acknowledged bytes; nil if all bytes are known to be acknowledged.
  private var deliveryCheck: Instant? {
    guard case .ready(let socket) = phase, traffic.awaitsReply || socket.hasUnwritten else { return nil }
    return socket.hasUnwritten || socket.written - bytesBefore > delivered ? nextDeliveryCheck : nil
  }

  /// Why a reply is late, for the error of its caller.
  private var lateReason: String {
    if case .ready = phase { return "no reply in time from \(configuration.address)" }
    return log.lastError
  }

  private func earlier(_ one: Instant?, _ other: Instant?) -> Instant? {
    guard let one, let other else { return one ?? other }
    return min(one, other)
  }
}

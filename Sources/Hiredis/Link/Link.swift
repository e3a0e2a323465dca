import LinuxSupport
import Glibc

/// A connection to Redis that comes back by itself.
///
/// It runs on one thread, which owns everything in here; callers reach it through the port.
///
/// ```
/// pausing ──▶ resolving ──▶ connecting ──▶ greeting ──▶ ready
///    ▲            │              │             │          │
///    └────────────┴──────────────┴─────────────┴──────────┘ any failure, then a backoff
/// ```
final class Link<Traffic: LinkTraffic> {
  /// A point in time.
  typealias Instant = ContinuousClock.Instant

  /// How far the connection has come, with what belongs to that state alone.
  enum Phase {
    /// No socket until then.
    case pausing(until: Instant)
    /// The host's name is being looked up.
    case resolving(NameLookup)
    /// A socket is connecting; should it fail, the host's other addresses are tried at once.
    case connecting(RedisSocket, others: ArraySlice<RedisSocket.Target>, until: Instant)
    /// The greeting is on its way or due for answers; should it be refused, the host's other addresses are tried at once.
    case greeting(RedisSocket, Greeting, others: ArraySlice<RedisSocket.Target>, until: Instant)
    /// Traffic flows.
    case ready(RedisSocket)
  }

  /// What it connects to, and how.
  let configuration: LinkConfiguration
  /// The way to the callers.
  let port: LinkPort<Traffic.Message>
  /// What goes over the link.
  var traffic: Traffic
  /// How far the connection has come.
  var phase = Phase.pausing(until: .now)
  /// The waits between attempts.
  var backoff: Backoff
  /// The log.
  var journal: LinkJournal
  /// When the last byte came or went, or when an answer fell due after a time in which none was.
  var quietSince = Instant.now
  /// When the greeting was answered.
  var readySince = Instant.now
  /// Bytes of this socket that the server's side had taken before the traffic began.
  var bytesBefore = 0
  /// Bytes of the traffic that the server's side has taken, as far as was looked.
  var delivered = 0
  /// When to look again how far they are.
  var nextDeliveryLook = Instant.now
  /// What the links of this process to the same server know of it.
  let replicas: ReplicaSightings
  /// How many replicas had been seen when this link came up.
  var replicasSeen = 0
  /// When the last look at the socket began.
  ///
  /// The peer is late only if it was so by then: should this thread be held up after the look, answers may have come
  /// that it has not seen.
  var lookedAt = Instant.now
  /// Room for what is taken from the port.
  private var messages: [Traffic.Message] = []
  /// True when the traffic may have more to write than one turn takes.
  var hasMoreToWrite = false

  private init(_ configuration: LinkConfiguration, _ port: LinkPort<Traffic.Message>, _ traffic: Traffic) {
    self.configuration = configuration
    self.port = port
    self.traffic = traffic
    backoff = Backoff(first: configuration.limits.firstBackoff, longest: configuration.limits.longestBackoff)
    journal = LinkJournal(configuration)
    replicas = ReplicaSightings.of(configuration.address.endpoint)
  }

  /// Starts the thread, which lives until the port is closed.
  static func start(_ configuration: LinkConfiguration, port: LinkPort<Traffic.Message>, traffic: Traffic) {
    do {
      try SystemThread.detach(name: configuration.name) { Link(configuration, port, traffic).run() }
    } catch {
      fatalError("no thread for the connection to Redis: \(error): raise the limit of threads (TasksMax)")
    }
  }

  private func run() {
    let loop = JobQueue()
    var isOpen = true
    while isOpen {
      let events = waitForEvents()
      let now = Instant.now
      do throws(LinkFailure) {
        if let sent = port.withdraw() { try accept(sent) }
        try advance(on: events, at: now)
      } catch {
        fail(error, at: now)
      }
      // What is to be sent goes out before the jobs have their turn: Redis works meanwhile.
      isOpen = exchange(at: now, beforeJobs: loop.hasReadyJobs)
      while loop.hasReadyJobs {
        loop.runReadyJobs()
        isOpen = exchange(at: now, beforeJobs: false)
      }
    }
    port.isUp = false
    traffic.end()
    loop.runReadyJobs()
  }

  /// Takes on what callers have posted, ends what is late, and hands to the socket what it takes; false once closed.
  private func exchange(at now: Instant, beforeJobs: Bool) -> Bool {
    let isOpen = port.take(into: &messages, staysAwake: beforeJobs)
    for message in messages { traffic.accept(message) }
    messages.removeAll(keepingCapacity: true)
    if let deadline = traffic.nextDeadline, deadline <= now { expire(at: now) }
    do throws(LinkFailure) { try flush(at: now) } catch { fail(error, at: now) }
    return isOpen
  }

  /// Ends what is late, unless the server's side has taken something of it by now.
  private func expire(at now: Instant) {
    nextDeliveryLook = now
    if case .ready(let socket) = phase { noteDelivery(on: socket, at: now) }
    traffic.expire(at: now, because: obstacle)
  }

  /// Takes on what a caller has written while this thread slept.
  private func accept(_ sent: LinkPort<Traffic.Message>.SentMessage) throws(LinkFailure) {
    traffic.acceptSent(sent.message)
    if case .ready(let socket) = phase { socket.noteWritten(sent.count) }
    if !sent.isWhole { throw LinkFailure("the socket did not take a whole command") }
  }

  /// Lets callers write while nothing is under way; returns how long this thread may sleep then, in milliseconds.
  private func offerSocket() -> Int32? {
    guard Traffic.letsCallersWrite, case .ready(let socket) = phase, !socket.hasUnwritten, !hasMoreToWrite,
      !traffic.awaitsReply
    else { return nil }
    port.offer(.init(socket: socket.descriptor, until: lookedAt + configuration.limits.offer))
    return Int32(configuration.limits.offer / .milliseconds(1))
  }

  /// Sleeps until there is something to do; returns what `poll` says of the socket.
  private func waitForEvents() -> Int16 {
    let (socket, events) = interest
    lookedAt = .now
    var timeout = pollTimeout
    if let most = offerSocket() { timeout = timeout < 0 ? most : min(timeout, most) }
    return withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 2) { descriptors in
      descriptors[0] = pollfd(fd: port.waker.descriptor, events: Int16(POLLIN), revents: 0)
      descriptors[1] = pollfd(fd: socket?.descriptor ?? -1, events: Int16(events), revents: 0)
      guard poll(descriptors.baseAddress, 2, timeout) > 0 else { return 0 }
      if descriptors[0].revents != 0 { port.waker.drain() }
      return descriptors[1].revents
    }
  }

  private var interest: (socket: RedisSocket?, events: Int32) {
    switch phase {
    case .pausing, .resolving: (nil, 0)
    case .connecting(let socket, _, _): (socket, POLLOUT)
    case .greeting(let socket, _, _, _): (socket, socket.hasUnwritten ? POLLIN | POLLOUT : POLLIN)
    case .ready(let socket): (socket, socket.hasUnwritten || hasMoreToWrite ? POLLIN | POLLOUT : POLLIN)
    }
  }

  /// In milliseconds, rounded up so that nothing is looked at too early.
  private var pollTimeout: Int32 {
    guard let deadline = earlier(earlier(phaseDeadline, traffic.nextDeadline), deliveryLook) else { return -1 }
    let wait = (deadline - lookedAt) / .milliseconds(1)
    return Int32(min(max(wait.rounded(.up), 0), 60_000))
  }

  private var phaseDeadline: Instant? {
    switch phase {
    case .pausing(let until): until
    case .resolving: nil
    case .connecting(_, _, let until), .greeting(_, _, _, let until): until
    case .ready: traffic.awaitsReply ? quietSince + configuration.limits.silence : nil
    }
  }

  /// When to look at what the server's side has taken; nil if all of it is known to be there.
  private var deliveryLook: Instant? {
    guard case .ready(let socket) = phase, traffic.awaitsReply || socket.hasUnwritten else { return nil }
    return socket.hasUnwritten || socket.written - bytesBefore > delivered ? nextDeliveryLook : nil
  }

  /// Why an answer is late.
  private var obstacle: String {
    if case .ready = phase { return "no answer in time from \(configuration.address)" }
    return journal.obstacle
  }

  private func earlier(_ one: Instant?, _ other: Instant?) -> Instant? {
    guard let one, let other else { return one ?? other }
    return min(one, other)
  }
}

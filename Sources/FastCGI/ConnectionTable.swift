import Synchronization

/// Every open connection, what it is being used for, and until when its peer has time.
///
/// A connection is closed only after it has left the table, and what the watchdog and `stop` do to connections they do
/// under the table's lock: so they never touch one that is closed.
final class ConnectionTable: Sendable {
  private enum Use {
    /// Nothing of a request has arrived yet.
    case idle
    /// A request has been answered, and nothing of the next one has arrived yet.
    case resting
    /// A request is being read.
    case reading
    /// The handler of a request runs; nobody uses the connection meanwhile.
    case handling(HandlerTask)
    /// The answer is being sent.
    case sending
    /// Its answer is being streamed.
    case streaming(Delivery)
  }

  private struct Entry {
    let connection: Connection
    var use = Use.idle
    var deadline: ContinuousClock.Instant?

    var isResting: Bool { if case .resting = use { true } else { false } }
    var isIdle: Bool { if case .idle = use { true } else { isResting } }

    func isLate(_ now: ContinuousClock.Instant) -> Bool { deadline.map { $0 < now } ?? false }
    func isEarlier(than other: Entry) -> Bool { (deadline ?? .now) < (other.deadline ?? .now) }
    func hasTime(after instant: ContinuousClock.Instant) -> Bool { deadline.map { $0 > instant } ?? false }
  }

  private struct State {
    var entries: [Int32: Entry] = [:]
    var inHand = 0
    var resting = 0
    /// Once the server is stopping: until when a peer has time at most.
    var lastDeadline: ContinuousClock.Instant?
    var isStopping: Bool { lastDeadline != nil }
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())
  private let limit: Int
  private let stopTimeout: Duration

  /// A table with room for so many connections.
  /// - Parameter stopTimeout: the longest time that a peer has once the server is stopping
  init(limit: Int, stopTimeout: Duration) {
    self.limit = limit
    self.stopTimeout = stopTimeout
  }

  /// Requests that are being read or answered.
  var requestsInHand: Int { state.withLock { $0.inHand } }

  /// Whether there is room for one more, or there will be when a resting connection is closed.
  var hasRoom: Bool {
    state.withLock { state in (state.entries.count < limit || state.resting > 0) && !state.isStopping }
  }

  /// Makes room for one more, if need be by closing the connection that has rested longest: nginx keeps some for each of
  /// its processes, which would keep out the requests of the others.
  /// - Returns: false when there is no room; then the next one must wait.
  func makeRoom() -> Bool {
    let outcome = state.withLock { state -> (hasRoom: Bool, closing: Connection?) in
      if state.entries.count < limit { return (true, nil) }
      let resting = state.entries.values.filter(\.isResting).sorted { $0.isEarlier(than: $1) }
      guard let entry = resting.first(where: { !$0.connection.hasInput }) else { return (false, nil) }
      state.entries[entry.connection.descriptor] = nil
      state.resting -= 1
      return (true, entry.connection)
    }
    outcome.closing?.close()
    return outcome.hasRoom
  }

  /// Takes in a new connection, idle. False when the server is stopping.
  func insert(_ connection: Connection, deadline: ContinuousClock.Instant) -> Bool {
    state.withLock { state in
      guard !state.isStopping else { return false }
      state.entries[connection.descriptor] = Entry(connection: connection, deadline: deadline)
      return true
    }
  }

  /// What an event of a descriptor asks for.
  enum Turn {
    /// A request can be read from the idle connection, which is the caller's from here on.
    case read(Connection)
    /// The client left while the handler ran. The connection has left the table; the caller closes it and cancels the
    /// task.
    case abandon(Connection, HandlerTask)
  }

  /// Decides what an event of a descriptor asks for; nil when it came too late and nothing is to be done.
  ///
  /// The number may have come to mean another connection since the event, so the connection itself is asked.
  func turn(on descriptor: Int32, deadline: ContinuousClock.Instant) -> Turn? {
    state.withLock { state in
      guard let entry = state.entries[descriptor] else { return nil }
      switch entry.use {
      case .idle, .resting:
        if entry.isResting { state.resting -= 1 }
        state.entries[descriptor]?.use = .reading
        state.entries[descriptor]?.deadline = deadline
        state.inHand += 1
        return .read(entry.connection)
      case .handling(let task) where entry.connection.isAbandoned:
        state.entries[descriptor] = nil
        state.inHand -= 1
        return .abandon(entry.connection, task)
      case .reading, .handling, .sending, .streaming: return nil
      }
    }
  }

  /// The request has been read and its handler is about to run.
  func beginHandling(_ connection: Connection, _ task: HandlerTask) {
    state.withLock { state in
      state.entries[connection.descriptor]?.use = .handling(task)
      state.entries[connection.descriptor]?.deadline = nil
    }
  }

  /// The handler has returned; the connection is the caller's. False when the client had left and it is closed.
  func beginSending(on connection: Connection, of task: HandlerTask) -> Bool {
    state.withLock { state in
      guard let entry = state.entries[connection.descriptor], case .handling(let current) = entry.use, current === task
      else { return false }
      state.entries[connection.descriptor]?.use = .sending
      return true
    }
  }

  /// Sets until when the peer of a connection in hand has time; nil for no limit.
  func setDeadline(_ deadline: ContinuousClock.Instant?, for connection: Connection) {
    state.withLock { state in
      let allowed = deadline.map { deadline in state.lastDeadline.map { min($0, deadline) } ?? deadline }
      state.entries[connection.descriptor]?.deadline = allowed
    }
  }

  /// Notes that the answer is a stream, which is told when the server stops.
  func beginStream(_ delivery: Delivery) {
    let isStopping = state.withLock { state in
      state.entries[delivery.connection.descriptor]?.use = .streaming(delivery)
      return state.isStopping
    }
    if isStopping { delivery.serverStops() }
  }

  /// The request has been answered and the connection waits for the next one. False when it is to be closed instead.
  /// - Parameter watch: begins to watch for the next one, while the connection cannot be closed
  func endRequest(
    on connection: Connection, deadline: ContinuousClock.Instant, watch: @Sendable () -> Void
  ) -> Bool {
    state.withLock { state in
      guard !state.isStopping else { return false }
      state.inHand -= 1
      state.resting += 1
      state.entries[connection.descriptor]?.use = .resting
      state.entries[connection.descriptor]?.deadline = deadline
      watch()
      return true
    }
  }

  /// Forgets a connection, together with the request on it, and closes it.
  func close(_ connection: Connection) {
    state.withLock { state in
      let entry = state.entries.removeValue(forKey: connection.descriptor)
      if let entry, !entry.isIdle { state.inHand -= 1 }
    }
    connection.close()
    resumeIfEmpty()
  }

  /// Closes a connection that has left the table.
  func close(abandoned connection: Connection) {
    connection.close()
    resumeIfEmpty()
  }

  /// Cuts off the peers whose time is over, and returns how many there were. Who has them in hand then closes them.
  func cutOffLatePeers(now: ContinuousClock.Instant) -> Int {
    state.withLock { state in
      let late = state.entries.values.filter { $0.isLate(now) }
      for entry in late {
        entry.connection.cutOff()
        state.entries[entry.connection.descriptor]?.deadline = nil
      }
      return late.count
    }
  }

  /// Takes in nothing more. Idle connections are answered what has already arrived on them; streams are told to end.
  func stop() {
    let streams = state.withLock { state in
      let last = ContinuousClock.now + stopTimeout
      state.lastDeadline = last
      for (descriptor, entry) in state.entries where entry.hasTime(after: last) {
        state.entries[descriptor]?.deadline = last
      }
      return state.entries.values.compactMap { entry -> Delivery? in
        if entry.isIdle { entry.connection.endInput() }
        if case .streaming(let delivery) = entry.use { return delivery }
        return nil
      }
    }
    for delivery in streams { delivery.serverStops() }
  }

  /// Returns when no connection is open.
  func emptied() async {
    await withCheckedContinuation { continuation in
      state.withLock { $0.waiting.append(continuation) }
      resumeIfEmpty()
    }
  }

  private func resumeIfEmpty() {
    let waiting = state.withLock { state in
      guard state.entries.isEmpty else { return [CheckedContinuation<Void, Never>]() }
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }
}

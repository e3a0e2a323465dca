import Synchronization

/// Every open connection, what it is being used for, and until when its peer has time.
///
/// A connection is closed only after it has left the table, and what the watchdog and `stop` do to connections they do
/// under the table's lock: so they never touch one that is closed.
final class ConnectionTable: Sendable {
  private enum Use {
    /// Nothing of a request has arrived yet.
    case idle
    /// A request is being read or answered.
    case busy
    /// Its answer is being streamed.
    case streaming(Delivery)
  }

  private struct Entry {
    let connection: Connection
    var use = Use.idle
    var deadline: ContinuousClock.Instant?

    var isIdle: Bool { if case .idle = use { true } else { false } }

    func isLate(_ now: ContinuousClock.Instant) -> Bool { deadline.map { $0 < now } ?? false }
  }

  private struct State {
    var entries: [Int32: Entry] = [:]
    var inHand = 0
    var isStopping = false
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())
  private let limit: Int

  /// A table with room for so many connections.
  init(limit: Int) { self.limit = limit }

  /// Requests that are being read or answered.
  var requestsInHand: Int { state.withLock { $0.inHand } }

  /// Whether there is room for one more.
  var hasRoom: Bool { state.withLock { $0.entries.count < limit && !$0.isStopping } }

  /// Takes in a new connection, idle. False when the server is stopping.
  func insert(_ connection: Connection, deadline: ContinuousClock.Instant) -> Bool {
    state.withLock { state in
      guard !state.isStopping else { return false }
      state.entries[connection.descriptor] = Entry(connection: connection, deadline: deadline)
      return true
    }
  }

  /// Puts the connection with this descriptor in the caller's hand, to read a request from it.
  func beginRequest(on descriptor: Int32, deadline: ContinuousClock.Instant) -> Connection? {
    state.withLock { state in
      guard var entry = state.entries[descriptor] else { return nil }
      (entry.use, entry.deadline) = (.busy, deadline)
      state.entries[descriptor] = entry
      state.inHand += 1
      return entry.connection
    }
  }

  /// Sets until when the peer of a connection in hand has time; nil for ever.
  func setDeadline(_ deadline: ContinuousClock.Instant?, for connection: Connection) {
    state.withLock { $0.entries[connection.descriptor]?.deadline = deadline }
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
  func endRequest(on connection: Connection, deadline: ContinuousClock.Instant) -> Bool {
    state.withLock { state in
      guard !state.isStopping else { return false }
      state.inHand -= 1
      state.entries[connection.descriptor]?.use = .idle
      state.entries[connection.descriptor]?.deadline = deadline
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
      state.isStopping = true
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

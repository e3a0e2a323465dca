import LinuxSupport
import Synchronization

/// Every open connection, its state, and the deadline of its peer.
///
/// A connection is closed only after it was removed from the table. The timeout monitor and `stop` use connections only
/// under the table's lock, so they never touch a closed one.
final class ConnectionTable: Sendable {
  private enum Use {
    /// New; no byte of a request has arrived.
    case idle
    /// A request was answered; no byte of the next one has arrived.
    case keptAlive
    /// A request is being read.
    case reading
    /// The handler runs; the connection is not used meanwhile, and watched once this takes long.
    case handling(HandlerTask, isWatched: Bool)
    /// The response is being sent.
    case sending
    /// The response is being streamed.
    case streaming(OutgoingResponse)
  }

  private struct Entry {
    let connection: Connection
    var use = Use.idle
    var deadline: MonotonicInstant?
    /// Whether an event came while the response was being sent: that of the next request.
    var hasEarlyEvent = false
    /// Whether a kept connection was idle at the last call of `releaseIdle`.
    var wasIdle = false

    var isNew: Bool { if case .idle = use { true } else { false } }
    var isKeptAlive: Bool { if case .keptAlive = use { true } else { false } }
    var isIdle: Bool { isNew || isKeptAlive }

    func isLate(_ now: MonotonicInstant) -> Bool { deadline.map { $0 < now } ?? false }
    func isEarlier(than other: Entry) -> Bool { (deadline ?? .now) < (other.deadline ?? .now) }
    func hasTime(after instant: MonotonicInstant) -> Bool { deadline.map { $0 > instant } ?? false }
  }

  private struct State {
    var entries = DescriptorMap<Entry>()
    var activeRequests = 0
    var keptAlive = 0
    /// The latest deadline of any peer; nil until the server stops.
    var lastDeadline: MonotonicInstant?
    var isStopping: Bool { lastDeadline != nil }
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())
  private let limit: Int
  private let stopTimeout: Duration
  /// How long a new connection has for the first byte of its request once the server is stopping. A web server sends at
  /// once what it has connected for, but it may be between the two, and would not send it again.
  private static let firstByteGrace = Duration.seconds(2)

  /// - Parameters:
  ///   - limit: how many connections may be open.
  ///   - stopTimeout: the most time a peer has once the server is stopping.
  init(limit: Int, stopTimeout: Duration) {
    self.limit = limit
    self.stopTimeout = stopTimeout
  }

  /// How many requests are being read or answered.
  var activeRequests: Int { state.withLock { $0.activeRequests } }

  /// Whether another connection can be accepted, if necessary in place of one that is kept alive.
  var hasRoom: Bool {
    state.withLock { state in (state.entries.count < limit || state.keptAlive > 0) && !state.isStopping }
  }

  /// Makes room for another connection, if necessary by closing the one that has been idle longest: nginx keeps some
  /// open per process, and those of one process must not exclude the requests of another.
  /// - Returns: false when there is no room.
  func makeRoom() -> Bool {
    let outcome = state.withLock { state -> (hasRoom: Bool, closing: Connection?) in
      if state.entries.count < limit { return (true, nil) }
      let candidates = state.entries.values.filter(\.isKeptAlive).sorted { $0.isEarlier(than: $1) }
      guard let entry = candidates.first(where: { !$0.connection.hasInput }) else { return (false, nil) }
      state.entries[entry.connection.descriptor] = nil
      state.keptAlive -= 1
      return (true, entry.connection)
    }
    outcome.closing?.close()
    return outcome.hasRoom
  }

  /// Adds a new connection.
  /// - Returns: false when the server is stopping.
  func insert(_ connection: Connection, deadline: MonotonicInstant) -> Bool {
    state.withLock { state in
      guard !state.isStopping else { return false }
      state.entries[connection.descriptor] = Entry(connection: connection, deadline: deadline)
      return true
    }
  }

  /// What to do after an event of a descriptor.
  enum Action {
    /// Read a request from the connection, which the caller now owns.
    case read(Connection)
    /// The client disconnected while the handler ran. The connection was removed from the table: close it and cancel
    /// the task.
    case abandon(Connection, HandlerTask)
  }

  /// Decides what to do after an event of a descriptor; nil for nothing.
  ///
  /// The kernel may have reused the number since the event, so the connection itself is checked.
  func action(on descriptor: Int32, deadline: MonotonicInstant) -> Action? {
    state.withLock { state in
      guard let entry = state.entries[descriptor] else { return nil }
      switch entry.use {
      case .idle, .keptAlive:
        if entry.isKeptAlive { state.keptAlive -= 1 }
        state.entries[descriptor]?.use = .reading
        state.entries[descriptor]?.wasIdle = false
        state.entries[descriptor]?.deadline = deadline
        state.activeRequests += 1
        return .read(entry.connection)
      case .handling(let task, _) where entry.connection.isAbandoned:
        state.entries[descriptor] = nil
        state.activeRequests -= 1
        return .abandon(entry.connection, task)
      case .sending, .streaming:
        state.entries[descriptor]?.hasEarlyEvent = true
        return nil
      case .reading, .handling: return nil
      }
    }
  }

  /// Notes that the request was read and its handler is about to run.
  func beginHandling(_ connection: Connection, _ task: HandlerTask) {
    state.withLock { state in
      state.entries[connection.descriptor]?.use = .handling(task, isWatched: false)
      state.entries[connection.descriptor]?.deadline = nil
    }
  }

  /// Starts watching the connections whose handlers run for a hang-up, those that are not watched yet.
  ///
  /// Called now and then: most handlers return before, and cost no system call.
  /// - Parameter watch: called under the lock, so that the connection is open.
  func watchHandled(_ watch: (Connection) -> Void) {
    state.withLock { state in
      for entry in state.entries.values {
        guard case .handling(let task, isWatched: false) = entry.use else { continue }
        state.entries[entry.connection.descriptor]?.use = .handling(task, isWatched: true)
        watch(entry.connection)
      }
    }
  }

  /// Notes that the handler has returned; the caller now owns the connection.
  /// - Returns: false when the client had disconnected; the connection is closed.
  func beginSending(on connection: Connection, of task: HandlerTask) -> Bool {
    state.withLock { state in
      guard case .handling(let current, _)? = state.entries[connection.descriptor]?.use, current === task else {
        return false
      }
      state.entries[connection.descriptor]?.use = .sending
      return true
    }
  }

  /// Sets the deadline of a peer; nil for none.
  func setDeadline(_ deadline: MonotonicInstant?, for connection: Connection) {
    state.withLock { state in
      let allowed = deadline.map { deadline in state.lastDeadline.map { min($0, deadline) } ?? deadline }
      state.entries[connection.descriptor]?.deadline = allowed
    }
  }

  /// Notes that the response is a stream, which `stop` notifies.
  func beginStream(_ response: OutgoingResponse) {
    let isStopping = state.withLock { state in
      state.entries[response.connection.descriptor]?.use = .streaming(response)
      return state.isStopping
    }
    if isStopping { response.serverStops() }
  }

  /// Notes that the request was answered and the connection, which is watched already, waits for the next one.
  /// - Parameter watch: watches for the next request once more, if its event came before this call. Called under the
  ///   lock, so that the connection is open.
  /// - Returns: false when the connection must be closed instead.
  func endRequest(
    on connection: Connection, deadline: MonotonicInstant, watch: @Sendable () -> Void
  ) -> Bool {
    state.withLock { state in
      guard !state.isStopping else { return false }
      state.activeRequests -= 1
      state.keptAlive += 1
      state.entries[connection.descriptor]?.use = .keptAlive
      state.entries[connection.descriptor]?.deadline = deadline
      if state.entries[connection.descriptor]?.hasEarlyEvent == true {
        state.entries[connection.descriptor]?.hasEarlyEvent = false
        watch()
      }
      return true
    }
  }

  /// Frees the memory of the last request of each kept connection that has been idle since the last call.
  func releaseIdle() {
    state.withLock { state in
      for entry in state.entries.values where entry.isKeptAlive {
        if entry.wasIdle {
          entry.connection.release()
        } else {
          state.entries[entry.connection.descriptor]?.wasIdle = true
        }
      }
    }
  }

  /// Removes a connection together with its request, and closes it.
  func close(_ connection: Connection) {
    state.withLock { state in
      if let entry = state.entries[connection.descriptor], !entry.isIdle { state.activeRequests -= 1 }
      state.entries[connection.descriptor] = nil
    }
    connection.close()
    resumeIfEmpty()
  }

  /// Closes a connection that was removed from the table.
  func close(abandoned connection: Connection) {
    connection.close()
    resumeIfEmpty()
  }

  /// Shuts down the connections whose deadline has passed; their owners then close them.
  /// - Returns: how many there were.
  func shutDownLatePeers(now: MonotonicInstant) -> Int {
    state.withLock { state in
      let late = state.entries.values.filter { $0.isLate(now) }
      for entry in late {
        entry.connection.shutDown()
        state.entries[entry.connection.descriptor]?.deadline = nil
      }
      return late.count
    }
  }

  /// Refuses further connections. Requests that have arrived, or that arrive on a new connection, are still answered;
  /// streams are asked to end.
  func stop() {
    let streams = state.withLock { state in
      let last = MonotonicInstant.now + stopTimeout
      let lastFirstByte = MonotonicInstant.now + min(stopTimeout, Self.firstByteGrace)
      state.lastDeadline = last
      for entry in state.entries.values {
        let last = entry.isNew ? lastFirstByte : last
        if entry.hasTime(after: last) { state.entries[entry.connection.descriptor]?.deadline = last }
      }
      return state.entries.values.compactMap { entry -> OutgoingResponse? in
        // The web server sends a request again whose kept connection breaks.
        if entry.isKeptAlive { entry.connection.endInput() }
        if case .streaming(let response) = entry.use { return response }
        return nil
      }
    }
    for response in streams { response.serverStops() }
  }

  /// Waits until no connection is open.
  func emptied() async {
    await withCheckedContinuation { continuation in
      state.withLock { $0.waiting.append(continuation) }
      resumeIfEmpty()
    }
  }

  private func resumeIfEmpty() {
    let waiting = state.withLock { state in
      guard state.entries.count == 0 else { return [CheckedContinuation<Void, Never>]() }
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }
}

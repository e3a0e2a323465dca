public import Hiredis
public import Logging
import Synchronization
import Workflow

/// Notifies watchers of runs. Any number of watchers share one connection, and all watchers of a run share one read.
///
/// A message on a run's channel only says that the run has changed. A run is read when its channel has been subscribed,
/// when a message arrives, after every reconnect, and every five seconds in case a message was lost. So no watcher
/// misses an entry, whatever happens to the connection. Messages with pieces of texts that models are writing hold the
/// pieces: such a text is read only where a piece is missing.
public final class RunEvents: Sendable {
  /// What a watcher receives.
  public enum Notification: Sendable {
    /// The watcher reads the run itself.
    case refresh
    /// Entries from an index on, read once for all watchers. A watcher that has not seen all before it reads the run.
    case update(RunUpdate, first: Int)
    /// ``RunEvents/texts(of:)`` has more. `next`: the index behind the last entry that was read for all.
    case texts(next: Int)
  }

  /// One run that is watched.
  private struct Channel {
    let id: JobID
    var watchers: [Int: AsyncStream<Notification>.Continuation] = [:]
    /// Index of the first progress entry that was not broadcast.
    var position: Int
    var status: RunStatus?
    var isReading = false
    /// Whether to read again after the current read.
    var isStale = false
    var texts = KnownTexts()

    func announceTexts() { for watcher in watchers.values { watcher.yield(.texts(next: position)) } }

    mutating func join(_ number: Int, _ watcher: AsyncStream<Notification>.Continuation, from first: Int) {
      watchers[number] = watcher
      position = min(position, first)
    }
  }

  private struct State {
    var channels: [String: Channel] = [:]
    var nextNumber = 0
    var isClosed = false
  }

  private let partitions: Partitions
  private let outages: OutageLog
  private let state = Mutex(State())
  private let subscription = Mutex<RedisSubscription?>(nil)
  private let ticker = Mutex<Task<Void, Never>?>(nil)

  /// How often a run is read without a message.
  static let slowPoll = Duration.seconds(5)
  /// The runs are read in turns, so that thousands of them are not read in one instant.
  private static let turns = 50

  /// Connects at once.
  /// - Parameters:
  ///   - partitions: read what is new.
  ///   - meter: is notified of reconnects.
  public init(
    _ redis: RedisAddress, partitions: Partitions, logger: Logger, meter: (any RedisMeter)? = nil
  ) {
    self.partitions = partitions
    outages = OutageLog("reading for those who follow a run", logger: logger)
    let made = RedisSubscription(
      redis, name: "wf-events", logger: logger, meter: meter,
      onMessage: { [weak self] channel, message in self?.take(message, on: channel) },
      onSubscribe: { [weak self] channel in self?.refresh(channel) },
      onConnect: { [weak self] in self?.refreshAll(afterReconnect: true) })
    subscription.withLock { $0 = made }
    let poll = Task { [weak self] in
      var turn = 0
      while !Task.isCancelled {
        try? await Task.sleep(for: RunEvents.slowPoll / RunEvents.turns)
        turn = (turn + 1) % RunEvents.turns
        self?.refreshAll(inTurn: turn)
      }
    }
    ticker.withLock { $0 = poll }
  }

  /// The notifications of a run. The sequence ends when the events are closed or the task is cancelled. Of several
  /// elements that arrive at once only the last is kept: a watcher that sees a gap reads the run itself.
  /// - Parameter first: index of the first progress entry that the watcher has not seen.
  public func watch(_ id: JobID, from first: Int) -> AsyncStream<Notification> {
    let (stream, continuation) = AsyncStream<Notification>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let channel = partitions.store(of: id).keys.eventsChannel(id)
    guard let number = join(channel, id, first, continuation) else {
      continuation.finish()
      return stream
    }
    continuation.onTermination = { [weak self] _ in self?.leave(channel, number) }
    // The channel may have been subscribed already for another watcher; Redis then confirms nothing.
    continuation.yield(.refresh)
    return stream
  }

  /// Ends every watcher's sequence and the connection.
  public func close() {
    let waiting = state.withLock { state in
      state.isClosed = true
      return state.channels.values.flatMap(\.watchers.values)
    }
    for continuation in waiting { continuation.finish() }
    ticker.withLock { $0?.cancel() }
    subscription.withLock { $0?.close() }
  }

  private func join(
    _ name: String, _ id: JobID, _ first: Int, _ continuation: AsyncStream<Notification>.Continuation
  ) -> Int? {
    subscription.withLock { subscription in
      let number = state.withLock { state -> Int? in
        guard !state.isClosed else { return nil }
        state.nextNumber += 1
        // In place: a copy of the watchers for each that joins takes long when they are thousands.
        state.channels[name, default: Channel(id: id, position: first)].join(
          state.nextNumber, continuation, from: first)
        return state.nextNumber
      }
      if number != nil { subscription?.subscribe(name) }
      return number
    }
  }

  private func leave(_ name: String, _ number: Int) {
    // Under the subscription's lock, as in `join`: a new watcher of the channel comes before or after the whole of it.
    subscription.withLock { subscription in
      let isLast = state.withLock { state in
        state.channels[name]?.watchers[number] = nil
        guard state.channels[name]?.watchers.isEmpty == true else { return false }
        state.channels[name] = nil
        return true
      }
      if isLast { subscription?.unsubscribe(name) }
    }
  }

  // MARK: Reading

  private func refreshAll(inTurn turn: Int? = nil, afterReconnect: Bool = false) {
    let names = state.withLock { state in
      if afterReconnect { for name in state.channels.keys { state.channels[name]?.texts.isCurrent = false } }
      return Array(state.channels.keys)
    }
    for name in names where turn == nil || Int(UInt(bitPattern: name.hashValue) % UInt(Self.turns)) == turn {
      refresh(name)
    }
  }

  private func refresh(_ name: String) {
    let starts = state.withLock { state in
      guard let channel = state.channels[name] else { return false }
      if channel.isReading { state.channels[name]?.isStale = true } else { state.channels[name]?.isReading = true }
      return !channel.isReading
    }
    if starts { Task { await read(name) } }
  }

  /// Takes a message: a piece of a text that continues what is known needs no read.
  private func take(_ message: [UInt8], on name: String) {
    guard let message = TextMessage(message) else { return refresh(name) }
    let isKnown = state.withLock { state -> Bool in
      guard state.channels[name]?.texts.take(message) == true else { return false }
      state.channels[name]?.announceTexts()
      return true
    }
    if !isKnown { refresh(name) }
  }

  /// What models have written so far for a run that is watched, of attempts that are under way.
  public func texts(of id: JobID) -> [StepUnit: StreamedText] {
    let name = partitions.store(of: id).keys.eventsChannel(id)
    return state.withLock { $0.channels[name]?.texts.known ?? [:] }
  }

  /// Reads the texts of a run where pieces are missing.
  private func readTexts(_ name: String, of id: JobID) async {
    guard let mark = state.withLock({ $0.channels[name]?.texts.markForReading() }) else { return }
    guard let found = try? await partitions.store(of: id).texts(of: id) else { return }
    state.withLock { state in
      guard state.channels[name]?.texts.merge(found, readAt: mark) == true else { return }
      state.channels[name]?.announceTexts()
    }
  }

  /// Reads the run's update and broadcasts it, again as long as the run is stale.
  private func read(_ name: String) async {
    while let (id, position) = state.withLock({ $0.channels[name].map { ($0.id, $0.position) } }) {
      let outcome: Result<RunUpdate?, StoreError>
      do {
        outcome = .success(try await partitions.store(of: id).update(of: id, from: position))
        outages.noteSuccess(in: partitions.store(of: id))
      } catch {
        outcome = .failure(error)
        outages.note(error, in: partitions.store(of: id))
      }
      if case .success(let update?) = outcome, update.status == .started { await readTexts(name, of: id) }
      if !broadcast(outcome, from: position, name) { return }
    }
  }

  /// - Returns: whether to read again at once.
  private func broadcast(_ outcome: Result<RunUpdate?, StoreError>, from position: Int, _ name: String) -> Bool {
    state.withLock { state in
      guard var channel = state.channels[name] else { return false }
      defer { state.channels[name] = channel }
      switch outcome {
      // Redis does not answer: the run is read again after the reconnect.
      case .failure: break
      case .success(nil): for watcher in channel.watchers.values { watcher.yield(.refresh) }
      case .success(let update?):
        if !update.entries.isEmpty || update.status != channel.status {
          for watcher in channel.watchers.values { watcher.yield(.update(update, first: position)) }
        }
        // Unless a watcher has joined that wants more than was read.
        if channel.position == position { channel.position += update.entries.count }
        channel.status = update.status
        if update.hasMore { channel.isStale = true }
      }
      defer { channel.isStale = false }
      channel.isReading = channel.isStale
      return channel.isStale
    }
  }
}

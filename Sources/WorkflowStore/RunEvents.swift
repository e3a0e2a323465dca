public import Hiredis
public import Logging
import Synchronization
import Workflow

/// Tells whoever waits for a run what is new of it; any number of waiting tasks share one connection, and all that wait
/// for the same run share one look at it.
///
/// Publish/subscribe says "look", nothing more. A run is looked at when its channel has been subscribed, when something
/// was written to it, after every reconnect, and every five seconds in case that a message was lost; so nobody misses
/// anything, whatever happens to the connection.
public final class RunEvents: Sendable {
  /// What a watcher is told.
  public enum Look: Sendable {
    /// It should read the run itself.
    case look
    /// What was read for all: the entries from an index on. Who has not seen all before it should read itself.
    case news(RunNews, first: Int)
  }

  /// One run that is watched.
  private struct Channel {
    let id: JobID
    var watchers: [Int: AsyncStream<Look>.Continuation] = [:]
    /// Index of the first progress entry that nobody has been told of.
    var position: Int
    var status: RunStatus?
    var isReading = false
    /// Whether there is reason to look again after the look under way.
    var isStale = false

    mutating func join(_ number: Int, _ watcher: AsyncStream<Look>.Continuation, from first: Int) {
      watchers[number] = watcher
      position = min(position, first)
    }
  }

  private struct State {
    var channels: [String: Channel] = [:]
    var nextNumber = 0
    var isClosed = false
  }

  private let store: RunStore
  private let outages: OutageLog
  private let state = Mutex(State())
  private let subscription = Mutex<RedisSubscription?>(nil)
  private let ticker = Mutex<Task<Void, Never>?>(nil)

  /// How often a run is looked at without a message.
  static let slowPoll = Duration.seconds(5)
  /// The runs take their turns, so that thousands of them are not looked at in one instant.
  private static let turns = 50

  /// Connects at once.
  /// - Parameter store: reads what is new.
  public init(_ redis: RedisAddress, store: RunStore, logger: Logger) {
    self.store = store
    outages = OutageLog("reading for those who follow a run", logger: logger)
    let made = RedisSubscription(
      redis, name: "wf-events", logger: logger,
      onMessage: { [weak self] channel, _ in self?.look(at: channel) },
      onSubscribe: { [weak self] channel in self?.look(at: channel) },
      onConnect: { [weak self] in self?.lookAtAll() })
    subscription.withLock { $0 = made }
    let poll = Task { [weak self] in
      var turn = 0
      while !Task.isCancelled {
        try? await Task.sleep(for: RunEvents.slowPoll / RunEvents.turns)
        turn = (turn + 1) % RunEvents.turns
        self?.lookAtAll(inTurn: turn)
      }
    }
    ticker.withLock { $0 = poll }
  }

  /// A sequence of what is new of a run; it ends when the events are closed, and for a task that is cancelled. Of
  /// several elements that come at once only the last is kept: who sees a gap reads the run itself.
  /// - Parameter first: index of the first progress entry that the watcher has not seen.
  public func watch(_ id: JobID, from first: Int) -> AsyncStream<Look> {
    let (stream, continuation) = AsyncStream<Look>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let channel = store.keys.eventsChannel(id)
    guard let number = join(channel, id, first, continuation) else {
      continuation.finish()
      return stream
    }
    continuation.onTermination = { [weak self] _ in self?.leave(channel, number) }
    // Another watcher's subscription may stand already, and then nobody confirms it again.
    continuation.yield(.look)
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
    _ name: String, _ id: JobID, _ first: Int, _ continuation: AsyncStream<Look>.Continuation
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

  // MARK: Looking

  private func lookAtAll(inTurn turn: Int? = nil) {
    let names = state.withLock { Array($0.channels.keys) }
    for name in names where turn == nil || Int(UInt(bitPattern: name.hashValue) % UInt(RunEvents.turns)) == turn {
      look(at: name)
    }
  }

  private func look(at name: String) {
    let starts = state.withLock { state in
      guard let channel = state.channels[name] else { return false }
      if channel.isReading { state.channels[name]?.isStale = true } else { state.channels[name]?.isReading = true }
      return !channel.isReading
    }
    if starts { Task { await read(name) } }
  }

  /// Reads what is new and tells everybody; once more as long as there is reason to.
  private func read(_ name: String) async {
    while let (id, position) = state.withLock({ $0.channels[name].map { ($0.id, $0.position) } }) {
      let outcome: Result<RunNews?, StoreError>
      do {
        outcome = .success(try await store.news(of: id, from: position))
        outages.noteSuccess()
      } catch {
        outcome = .failure(error)
        outages.note(error)
      }
      if !spread(outcome, from: position, name) { return }
    }
  }

  /// - Returns: whether to look again at once.
  private func spread(_ outcome: Result<RunNews?, StoreError>, from position: Int, _ name: String) -> Bool {
    state.withLock { state in
      guard var channel = state.channels[name] else { return false }
      defer { state.channels[name] = channel }
      switch outcome {
      // Redis is away: the run is looked at again when it is back.
      case .failure: break
      case .success(nil): for watcher in channel.watchers.values { watcher.yield(.look) }
      case .success(let news?):
        if !news.entries.isEmpty || news.status != channel.status {
          for watcher in channel.watchers.values { watcher.yield(.news(news, first: position)) }
        }
        // Unless somebody has come who wants more than was read.
        if channel.position == position { channel.position += news.entries.count }
        channel.status = news.status
        if news.hasMore { channel.isStale = true }
      }
      defer { channel.isStale = false }
      channel.isReading = channel.isStale
      return channel.isStale
    }
  }
}

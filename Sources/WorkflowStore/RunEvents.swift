public import Hiredis
public import Logging
import Synchronization

/// Tells whoever waits for a run when to look at it again; any number of waiting tasks share one connection.
///
/// Publish/subscribe says "look", nothing more. A watcher is told to look when its channel has been subscribed, when
/// something was written to the run, after every reconnect, and every five seconds in case that a message was lost; so
/// it misses nothing, whatever happens to the connection.
public final class RunEvents: Sendable {
  private struct State {
    /// By channel, the watchers, by number.
    var watchers: [String: [Int: AsyncStream<Void>.Continuation]] = [:]
    var nextNumber = 0
    var isClosed = false
  }

  private let keys: Keys
  private let state = Mutex(State())
  private let subscription = Mutex<RedisSubscription?>(nil)
  private let ticker = Mutex<Task<Void, Never>?>(nil)

  /// How often a watcher looks without having been told to.
  static let slowPoll = Duration.seconds(5)

  /// Connects at once.
  public init(_ redis: RedisAddress, keys: Keys, logger: Logger) {
    self.keys = keys
    let made = RedisSubscription(
      redis, name: "wf-events", logger: logger,
      onMessage: { [weak self] channel, _ in self?.wake(channel) },
      onSubscribe: { [weak self] channel in self?.wake(channel) },
      onConnect: { [weak self] in self?.wakeAll() })
    subscription.withLock { $0 = made }
    let poll = Task { [weak self] in
      while !Task.isCancelled {
        try? await Task.sleep(for: RunEvents.slowPoll)
        self?.wakeAll()
      }
    }
    ticker.withLock { $0 = poll }
  }

  /// A sequence that brings one element whenever the run should be looked at; it ends when the events are closed, and
  /// for a task that is cancelled. Several reasons to look may come as one.
  public func watch(_ id: JobID) -> AsyncStream<Void> {
    let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let channel = keys.eventsChannel(id)
    let number = join(channel, continuation)
    guard let number else {
      continuation.finish()
      return stream
    }
    continuation.onTermination = { [weak self] _ in self?.leave(channel, number) }
    // Another watcher's subscription may stand already, and then nobody confirms it again.
    continuation.yield()
    return stream
  }

  /// Ends every watcher's sequence and the connection.
  public func close() {
    let waiting = state.withLock { state in
      state.isClosed = true
      return state.watchers.values.flatMap(\.values)
    }
    for continuation in waiting { continuation.finish() }
    ticker.withLock { $0?.cancel() }
    subscription.withLock { $0?.close() }
  }

  private func join(_ channel: String, _ continuation: AsyncStream<Void>.Continuation) -> Int? {
    subscription.withLock { subscription in
      let number = state.withLock { state -> Int? in
        guard !state.isClosed else { return nil }
        state.nextNumber += 1
        state.watchers[channel, default: [:]][state.nextNumber] = continuation
        return state.nextNumber
      }
      if number != nil { subscription?.subscribe(channel) }
      return number
    }
  }

  private func leave(_ channel: String, _ number: Int) {
    // Under the subscription's lock, as in `join`: a new watcher of the channel comes before or after the whole of it.
    subscription.withLock { subscription in
      let isLast = state.withLock { state in
        state.watchers[channel]?[number] = nil
        guard state.watchers[channel]?.isEmpty == true else { return false }
        state.watchers[channel] = nil
        return true
      }
      if isLast { subscription?.unsubscribe(channel) }
    }
  }

  private func wake(_ channel: String) {
    let waiting = state.withLock { $0.watchers[channel].map { Array($0.values) } ?? [] }
    for continuation in waiting { continuation.yield() }
  }

  private func wakeAll() {
    let waiting = state.withLock { $0.watchers.values.flatMap(\.values) }
    for continuation in waiting { continuation.yield() }
  }
}

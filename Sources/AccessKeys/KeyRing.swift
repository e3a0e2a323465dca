public import LinuxSupport
private import OpenSSL
import Synchronization

/// The keys that are in force, and what has been used of their limits.
public final class KeyRing: Sendable {
  private struct Watcher {
    let key: AccessKey
    let continuation: AsyncStream<Never>.Continuation
  }

  private struct State {
    /// Nil until there have been any.
    var keys: [UInt64: [AccessKey]]?
    var buckets: [String: TokenBucket] = [:]
    var watchers: [Int: Watcher] = [:]
    var watcherCount = 0

    /// A key as it is now, if it is still of that name and role.
    func current(_ key: AccessKey) -> AccessKey? {
      let found = keys?[KeyRing.place(of: key.digest)]?.first { Digest.areEqual($0.digest, key.digest) }
      return found?.name == key.name && found?.role == key.role ? found : nil
    }
  }

  private let state = Mutex(State())

  /// A ring without keys.
  public init() {}

  /// Whether there have been keys: until then clients cannot be distinguished.
  public var isLoaded: Bool { state.withLock { $0.keys != nil } }

  /// Whether no key is in force.
  public var isEmpty: Bool { state.withLock { $0.keys?.isEmpty ?? true } }

  /// Puts other keys in the place of those in force. Running requests whose key was removed are notified.
  public func replace(with keys: [AccessKey]) {
    let table = Dictionary(grouping: keys) { KeyRing.place(of: $0.digest) }
    let names = Set(keys.map(\.name))
    let revoked = state.withLock { state in
      state.keys = table
      state.buckets = state.buckets.filter { names.contains($0.key) }
      let revoked = state.watchers.filter { state.current($0.value.key) == nil }
      for id in revoked.keys { state.watchers[id] = nil }
      return revoked.values
    }
    for watcher in revoked { watcher.continuation.finish() }
  }

  /// The key that a client has sent; nil if there is none such.
  ///
  /// How long that takes says nothing of a key: what is looked up is a digest, and of that the rest behind its first
  /// bytes is compared in constant time.
  public func key(for secret: String) -> AccessKey? {
    let digest = Digest.sha256(Array(secret.utf8))
    let candidates = state.withLock { $0.keys?[KeyRing.place(of: digest)] ?? [] }
    return candidates.first { Digest.areEqual($0.digest, digest) }
  }

  /// Whether a key is still in force, with this name and role.
  public func isInForce(_ key: AccessKey) -> Bool { state.withLock { $0.current(key) != nil } }

  /// Returns once a key is no more in force, or when the task is cancelled.
  public func untilRevoked(_ key: AccessKey) async {
    let (stream, continuation) = AsyncStream<Never>.makeStream()
    let id = state.withLock { state -> Int? in
      guard state.current(key) != nil else { return nil }
      state.watcherCount += 1
      state.watchers[state.watcherCount] = Watcher(key: key, continuation: continuation)
      return state.watcherCount
    }
    guard let id else { return }
    defer { state.withLock { $0.watchers[id] = nil } }
    for await _ in stream {}
  }

  /// Counts a request of a key's name.
  /// - Returns: nil, or how long it is until the next one is allowed.
  public func countRequest(of key: AccessKey, at now: MonotonicInstant = .now) -> Duration? {
    guard let rate = key.limits.requests else { return nil }
    return state.withLock { state in
      var bucket = state.buckets[key.name] ?? TokenBucket(full: rate, at: now)
      defer { state.buckets[key.name] = bucket }
      return bucket.take(rate: rate, at: now)
    }
  }

  /// Where a digest is looked for.
  private static func place(of digest: [UInt8]) -> UInt64 { digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}

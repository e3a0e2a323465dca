import DequeModule
import Synchronization

/// Writes the records of many runs together (group commit): records that arrive while a call is in flight go in the next
/// one, so that a busy Redis is asked seldom and an idle one at once.
///
/// Large records take a lane of their own, one at a time, over another connection: on a slow path to Redis a record of
/// megabytes takes seconds, and no other run waits behind it.
public final class GroupCommit: Sendable {
  private let small: Lane
  private let large: Lane

  /// Bytes from which a record is large.
  static let largeRecord = 128 << 10

  /// A group that writes to a store.
  /// - Parameter large: the store over the connection for large records.
  public init(_ store: RunStore, large: RunStore) {
    small = Lane(store, mostRecords: 128)
    self.large = Lane(large, mostRecords: 1)
  }

  /// Writes a record.
  public func write(_ record: PendingBatch) async throws(StoreError) -> WriteOutcome {
    if record.record.size < GroupCommit.largeRecord {
      let encoded = small.store.encoded(record)
      return try await small.write(size: encoded.size) { encoded }
    }
    // Encoded when its turn comes: while it waits, it takes no memory a second time.
    return try await large.write(size: record.record.size) { [large] in large.store.encoded(record) }
  }
}

/// One call in flight at a time; the next one takes whatever has arrived meanwhile.
private final class Lane: Sendable {
  private typealias Outcome = Result<WriteOutcome, StoreError>

  private struct Waiter: Sendable {
    let size: Int
    let encoded: @Sendable () -> EncodedBatch
    let continuation: UnsafeContinuation<Outcome, Never>
  }

  private struct State {
    var waiting: Deque<Waiter> = []
    var isWriting = false

    /// Takes what goes in the next call, none when nobody waits.
    mutating func takeCall(atMost limit: Int) -> [Waiter] {
      var bytes = 0
      let end = waiting.firstIndex { waiter in
        defer { bytes += waiter.size }
        return bytes > Lane.fullCall
      }
      let call = Array(waiting[..<min(end ?? waiting.count, limit)])
      waiting.removeFirst(call.count)
      isWriting = !call.isEmpty
      return call
    }
  }

  /// Bytes after which a call takes no further record.
  private static let fullCall = 1 << 20

  let store: RunStore
  /// Records of one call. A script holds up every other client: 128 small records take Redis some 5 ms.
  private let mostRecords: Int
  private let state = Mutex(State())

  init(_ store: RunStore, mostRecords: Int) {
    self.store = store
    self.mostRecords = mostRecords
  }

  func write(
    size: Int, _ encoded: @escaping @Sendable () -> EncodedBatch
  ) async throws(StoreError) -> WriteOutcome {
    try await withUnsafeContinuation { continuation in
      let call = state.withLock { state in
        state.waiting.append(Waiter(size: size, encoded: encoded, continuation: continuation))
        return state.isWriting ? [] : state.takeCall(atMost: mostRecords)
      }
      write(call)
    }.get()
  }

  private func write(_ call: [Waiter]) {
    if call.isEmpty { return }
    store.record(call.map { $0.encoded() }) { [self] outcome in
      // The next call first: Redis waits for it.
      write(state.withLock { $0.takeCall(atMost: mostRecords) })
      switch outcome {
      case .success(let answers):
        for (waiter, answer) in zip(call, answers) { waiter.continuation.resume(returning: answer) }
      case .failure(let error):
        for waiter in call { waiter.continuation.resume(returning: .failure(error)) }
      }
    }
  }
}

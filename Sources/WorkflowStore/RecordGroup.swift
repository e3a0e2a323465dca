import Synchronization

/// Writes the records of many runs together (group commit): what comes while a call is under way goes in the next one, so
/// that a busy Redis is asked seldom and an idle one at once.
public final class RecordGroup: Sendable {
  private typealias Outcome = Result<RecordAnswer, StoreError>

  private struct Waiter: Sendable {
    let record: EncodedRecord
    let continuation: UnsafeContinuation<Outcome, Never>
  }

  private struct State {
    var waiting: [Waiter] = []
    var isWriting = false

    /// Takes what goes in the next call, none when nobody waits.
    mutating func takeCall() -> [Waiter] {
      var bytes = 0
      let end = waiting.firstIndex { waiter in
        defer { bytes += waiter.record.size }
        return bytes > RecordGroup.fullCall
      }
      let call = Array(waiting[..<min(end ?? waiting.count, RecordGroup.mostRecords)])
      waiting.removeFirst(call.count)
      isWriting = !call.isEmpty
      return call
    }
  }

  /// A script holds up everybody else: that many records take Redis some 5 ms.
  private static let mostRecords = 128
  /// Bytes after which a call takes no further record.
  private static let fullCall = 1 << 20

  private let store: RunStore
  private let state = Mutex(State())

  /// A group that writes to a store.
  public init(_ store: RunStore) { self.store = store }

  /// Writes a record.
  public func write(_ record: PendingRecord) async throws(StoreError) -> RecordAnswer {
    let record = store.encoded(record)
    return try await withUnsafeContinuation { continuation in
      let call = state.withLock { state in
        state.waiting.append(Waiter(record: record, continuation: continuation))
        return state.isWriting ? [] : state.takeCall()
      }
      write(call)
    }.get()
  }

  private func write(_ call: [Waiter]) {
    if call.isEmpty { return }
    store.record(call.map(\.record)) { [self] outcome in
      // The next call first: Redis waits for it.
      write(state.withLock { $0.takeCall() })
      switch outcome {
      case .success(let answers):
        for (waiter, answer) in zip(call, answers) { waiter.continuation.resume(returning: answer) }
      case .failure(let error):
        for waiter in call { waiter.continuation.resume(returning: .failure(error)) }
      }
    }
  }
}

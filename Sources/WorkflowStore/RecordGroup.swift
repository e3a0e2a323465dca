import Synchronization

/// Writes the records of many runs together (group commit): what comes while others are being written goes in the next
/// call, so that a busy Redis is asked seldom and an idle one at once.
///
/// Whoever comes while nobody writes leads: it writes all that waits, hands the lead to the next who waits, and gives each
/// of its own call an answer.
public final class RecordGroup: Sendable {
  fileprivate typealias Outcome = Result<RecordAnswer, StoreError>

  /// How a wait ends.
  fileprivate enum Turn: Sendable {
    case written(Outcome)
    /// The waiter leads; its own record is the first of these.
    case lead([Waiter])
  }

  fileprivate struct Waiter: Sendable {
    let record: PendingRecord
    let continuation: UnsafeContinuation<Turn, Never>
  }

  fileprivate struct State {
    var waiting: [Waiter] = []
    var isLed = false
  }

  /// Bytes of documents after which a call takes no further record.
  fileprivate static let fullCall = 1 << 20

  private let store: RunStore
  private let state = Mutex(State())

  /// A group that writes to a store.
  public init(_ store: RunStore) { self.store = store }

  /// Writes a record.
  public func write(_ record: PendingRecord) async throws(StoreError) -> RecordAnswer {
    let turn = await withUnsafeContinuation { continuation in
      let call = state.withLock { state in
        state.waiting.append(Waiter(record: record, continuation: continuation))
        guard !state.isLed else { return [Waiter]() }
        state.isLed = true
        return state.takeCall()
      }
      call.first?.continuation.resume(returning: .lead(call))
    }
    switch turn {
    case .written(let outcome): return try outcome.get()
    case .lead(let call): return try await lead(call).get()
    }
  }

  /// Writes records, the first of which is the caller's, and lets the next lead.
  private func lead(_ call: [Waiter]) async -> Outcome {
    let outcomes = await written(call.map(\.record))
    let next = state.withLock { state in
      let next = state.takeCall()
      state.isLed = !next.isEmpty
      return next
    }
    next.first?.continuation.resume(returning: .lead(next))
    for (waiter, outcome) in zip(call, outcomes).dropFirst() {
      waiter.continuation.resume(returning: .written(outcome))
    }
    return outcomes[0]
  }

  private func written(_ records: [PendingRecord]) async -> [Outcome] {
    do {
      return try await store.record(records).map { .success($0) }
    } catch {
      return records.map { _ in .failure(error) }
    }
  }
}

extension RecordGroup.State {
  /// Takes what goes in the next call, none when nobody waits.
  fileprivate mutating func takeCall() -> [RecordGroup.Waiter] {
    var bytes = 0
    let end = waiting.firstIndex { waiter in
      defer { bytes += waiter.record.record.documentBytes }
      return bytes > RecordGroup.fullCall
    }
    defer { waiting.removeFirst(end ?? waiting.count) }
    return Array(waiting[..<(end ?? waiting.count)])
  }
}

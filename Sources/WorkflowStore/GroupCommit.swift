import DequeModule
import LinuxSupport
import Synchronization

/// Writes the batches of many runs together (group commit): batches of one round of a thread go in one call, and those
/// that arrive while it is in flight in the next one, so that a busy Redis is asked seldom and an idle one at once.
/// Each partition has its own calls.
///
/// Large batches take a separate lane, one call at a time, over another connection: on a slow path to Redis a
/// megabyte takes seconds, and no other run waits behind it. What is larger than a call may be goes in several.
public final class GroupCommit: Sendable {
  private let partitions: Partitions
  private let largePartitions: Partitions
  private let small: [Lane<EncodedBatch, WriteOutcome>]
  private let large: [Lane<EncodedBatch, WriteOutcome>]

  /// Bytes from which a batch is large.
  static let largeBatch = 128 << 10

  /// A group that writes to the stores of partitions.
  /// - Parameter large: the stores over the connection for large batches.
  public init(_ partitions: Partitions, large: Partitions) {
    self.partitions = partitions
    largePartitions = large
    // A script holds up every other client: 128 small batches take Redis some 5 ms.
    small = partitions.all.map { store in Lane(mostPerCall: 128) { store.record($0, then: $1) } }
    self.large = large.all.map { store in Lane(mostPerCall: 1) { store.record($0, then: $1) } }
  }

  /// Writes a batch.
  public func write(_ pending: PendingBatch) async throws(StoreError) -> WriteOutcome {
    let batch = pending.batch
    let number = partitions.number(of: pending.run.id)
    let isLarge = batch.size >= Self.largeBatch
    guard isLarge || batch.result != nil && batch.runDocumentBytes >= Self.largeBatch else {
      let encoded = partitions.all[number].encoded(pending, BatchCall(batch))
      return try await small[number].write(size: encoded.size) { encoded }
    }
    let store = largePartitions.all[number]
    // What earlier batches have brought is read by its length only: the result is put together where it lies.
    let documents = batch.result == nil ? RunDocuments() : try await store.documents(of: pending.run.id)
    var outcome = WriteOutcome.recorded
    for call in RunDocuments.calls(for: batch, documents: documents) where outcome == .recorded {
      // Encoded when its turn comes: while it waits, it takes no memory a second time.
      outcome = try await large[number].write(size: call.documentBytes) { store.encoded(pending, call) }
    }
    return outcome
  }
}

/// Accepts the runs of many requests together, as ``GroupCommit`` writes batches.
public final class GroupSubmit: Sendable {
  private let partitions: Partitions
  private let lanes: [Lane<Submission, SubmissionAnswer>]
  private let isHeld = Atomic(false)

  /// Runs of one call: as many take Redis less than a millisecond.
  private static let mostPerCall = 32

  /// A group that submits to the stores of partitions.
  public init(_ partitions: Partitions) {
    self.partitions = partitions
    lanes = partitions.all.map { store in
      Lane(mostPerCall: GroupSubmit.mostPerCall, silence: partitions.isSpread ? store.silence.submissions : nil) {
        store.submit($0, then: $1)
      }
    }
  }

  /// The id of a new run, as ``Partitions/newID(requestID:idempotencyKey:)`` has it. Where the partitions are on
  /// several servers, it is in none that leaves submissions without an answer at the moment.
  public func newID(requestID: String, idempotencyKey key: String?) -> JobID {
    let id = partitions.newID(requestID: requestID, idempotencyKey: key)
    guard partitions.isSpread, key == nil else { return id }
    return partitions.reachable(id) { partitions.all[$0].silence.submissions.isNoted }
  }

  /// Refuses submissions until ``release()``.
  public func hold() { isHeld.store(true, ordering: .relaxed) }

  /// Ends what ``hold()`` began.
  public func release() { isHeld.store(false, ordering: .relaxed) }

  /// Throws while submissions are refused.
  public func checkHold() throws(StoreError) {
    guard isHeld.load(ordering: .relaxed) else { return }
    throw .unavailable(reason: "Redis has not said yet how many partitions it holds", outcomeUnknown: false)
  }

  /// Accepts a run. Safe to send twice: the same id, or the same key with the same body, is one job.
  public func submit(_ submission: Submission) async throws(StoreError) -> SubmissionAnswer {
    try checkHold()
    return try await lanes[partitions.number(of: submission.id)].write(size: submission.size) { submission }
  }
}

/// One call in flight at a time; the next one takes whatever has arrived meanwhile, and the first one whatever comes in
/// the same round of its thread.
private final class Lane<Item: Sendable, Answer: Sendable>: Sendable {
  typealias Outcome = Result<Answer, StoreError>
  typealias Send = @Sendable ([Item], @escaping @Sendable (Result<[Outcome], StoreError>) -> Void) -> Void

  private struct Waiter: Sendable {
    let size: Int
    let item: @Sendable () -> Item
    let continuation: UnsafeContinuation<Outcome, Never>
  }

  private struct State {
    var waiting: Deque<Waiter> = []
    var isWriting = false

    /// Takes what goes in the next call, none when nothing waits.
    mutating func takeCall(atMost limit: Int) -> [Waiter] {
      var bytes = waiting.first?.size ?? 0
      let end = waiting.dropFirst().firstIndex { waiter in
        bytes += waiter.size
        return bytes > RunDocuments.mostPerCall
      }
      let call = Array(waiting[..<min(end ?? waiting.count, limit)])
      waiting.removeFirst(call.count)
      isWriting = !call.isEmpty
      return call
    }
  }

  private let mostPerCall: Int
  private let silence: Silence?
  private let send: Send
  private let state = Mutex(State())

  /// - Parameter silence: is notified of the calls; nil where nothing needs it.
  init(mostPerCall: Int, silence: Silence? = nil, _ send: @escaping Send) {
    self.mostPerCall = mostPerCall
    self.silence = silence
    self.send = send
  }

  func write(size: Int, _ item: @escaping @Sendable () -> Item) async throws(StoreError) -> Answer {
    try await withUnsafeContinuation { continuation in
      let isFirst = state.withLock { state in
        state.waiting.append(Waiter(size: size, item: item, continuation: continuation))
        defer { state.isWriting = true }
        return !state.isWriting
      }
      guard isFirst else { return }
      // What the other jobs of this round write goes in the same call.
      JobQueue.atEndOfRound { self.writeNext() }
    }.get()
  }

  private func writeNext() {
    write(state.withLock { $0.takeCall(atMost: mostPerCall) })
  }

  private func write(_ call: [Waiter]) {
    if call.isEmpty { return }
    silence?.time(true)
    send(call.map { $0.item() }) { [self] outcome in
      silence?.time(false)
      silence?.note(outcome.map { _ in () })
      // The next call first: Redis waits for it.
      write(state.withLock { $0.takeCall(atMost: mostPerCall) })
      switch outcome {
      case .success(let answers):
        for (waiter, answer) in zip(call, answers) { waiter.continuation.resume(returning: answer) }
      case .failure(let error):
        for waiter in call { waiter.continuation.resume(returning: .failure(error)) }
      }
    }
  }
}

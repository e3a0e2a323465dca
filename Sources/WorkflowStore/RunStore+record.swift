import ExactJSON
import Hiredis
import Workflow

/// A batch on its way, and the claim that it belongs to.
public struct PendingBatch: Sendable {
  /// The run, with the fencing token of the claim.
  public let run: HeldRun
  /// The number of this batch within the claim, from 1; sent again, it is the same batch.
  public let sequence: Int
  /// What is to be written.
  public let batch: CheckpointBatch

  /// A batch of a claim.
  public init(_ batch: CheckpointBatch, of run: HeldRun, sequence: Int) {
    self.batch = batch
    self.run = run
    self.sequence = sequence
  }
}

/// A call of a batch as Redis takes it, and how the claim ends with it.
struct EncodedBatch: Sendable {
  fileprivate let words: RedisArguments
  fileprivate let end: CheckpointBatch.End?

  /// Its bytes on the wire.
  var size: Int { words.size }
}

extension RunStore {
  /// Writes batches of held runs, at most one of each run; each is written or not, whatever becomes of the others.
  ///
  /// Each is written in one call, however large it is; ``GroupCommit`` writes a large one in several.
  /// - Returns: an answer for each batch.
  public func record(_ batches: [PendingBatch]) async throws(StoreError) -> [WriteOutcome] {
    let outcomes = try await withUnsafeContinuation { continuation in
      record(batches.map { encoded($0, BatchCall($0.batch)) }) { continuation.resume(returning: $0) }
    }.get()
    var answers: [WriteOutcome] = []
    for outcome in outcomes { answers.append(try outcome.get()) }
    return answers
  }

  /// A call of a batch as Redis takes it.
  func encoded(_ pending: PendingBatch, _ call: BatchCall) -> EncodedBatch {
    var encoder = BatchEncoder(keys, pending)
    let words = encoder.words(call)
    return EncodedBatch(words: words, end: call.isLast ? pending.batch.end : nil)
  }

  /// The same without waiting: the answers are handed to a function, on the connection's thread.
  func record(
    _ calls: [EncodedBatch],
    then function: @escaping @Sendable (Result<[Result<WriteOutcome, StoreError>], StoreError>) -> Void
  ) {
    var arguments = RedisArguments()
    arguments.reserveCapacity(calls.reduce(128) { $0 + $1.size })
    arguments.append(keys.prefix)
    arguments.append(limits.retain)
    arguments.append(limits.storeItems)
    for call in calls { arguments.append(contentsOf: call.words) }
    // Not the calls themselves: a large one need not be kept until the answer.
    let ends = calls.map(\.end)
    for end in ends { end.commitPoints.before.pass() }
    writes.evaluate(
      Scripts.record, keys: [keys.leases], arguments: arguments, replicas: replicas, timeout: timeout
    ) { [self] outcome in
      switch outcome {
      case .success(let reply): function(Result { () throws(StoreError) in try answers(reply, to: ends) })
      case .failure(let error): function(.failure(failure(error)))
      }
    }
  }

  private func answers(
    _ reply: RedisReply, to ends: [CheckpointBatch.End?]
  ) throws(StoreError) -> [Result<WriteOutcome, StoreError>] {
    guard let parts = reply.array, parts.count == ends.count + 1, let time = parts[0].int else {
      throw Self.damaged(Scripts.record, reply)
    }
    clock.set(time)
    for end in ends { end.commitPoints.after.pass() }
    return parts.dropFirst().map { part in Result { () throws(StoreError) in try answer(part) } }
  }

  private func answer(_ part: RedisReply) throws(StoreError) -> WriteOutcome {
    if let words = part.array?.map({ $0.string ?? "" }) {
      switch (words.first, words.count) {
      case ("lost", 2): return .lost(words[1])
      case ("held", 2): throw .damaged(words[1])
      case ("behind", 2): if let sequence = Int(words[1]) { return .behind(sequence) }
      case ("refused", 3): return .refused(words[1], namespace: keys.namespace(ofStore: words[2]))
      default: break
      }
    } else if part.string == "recorded" {
      return .recorded
    }
    throw Self.damaged(Scripts.record, part)
  }
}

extension CheckpointBatch.End? {
  fileprivate var commitPoints: (before: CommitPoint, after: CommitPoint) {
    switch self {
    case nil: (.beforeRecord, .afterRecord)
    case .finished, .failed: (.beforeFinish, .afterFinish)
    case .handedBack, .parked: (.beforeHandBack, .afterHandBack)
    }
  }
}

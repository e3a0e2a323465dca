import ExactJSON
import Hiredis
import Workflow

/// A record on its way, and the claim that it belongs to.
public struct PendingBatch: Sendable {
  /// The run, with the fencing token of the claim.
  public let run: HeldRun
  /// The number of this record within the claim, from 1; sent again, it is the same record.
  public let sequence: Int
  /// What is to be written.
  public let record: CheckpointBatch

  /// A record of a claim.
  public init(_ record: CheckpointBatch, of run: HeldRun, sequence: Int) {
    self.record = record
    self.run = run
    self.sequence = sequence
  }
}

/// A record as Redis takes it, and what it says.
struct EncodedBatch: Sendable {
  fileprivate let words: RedisArguments
  fileprivate let end: CheckpointBatch.End?

  /// Its bytes on the wire.
  var size: Int { words.size }
}

extension RunStore {
  /// Writes records of runs in hand, of each run at most one; each is written or not, whatever becomes of the others.
  /// - Returns: an answer for each record.
  public func record(_ records: [PendingBatch]) async throws(StoreError) -> [WriteOutcome] {
    let outcomes = try await withUnsafeContinuation { continuation in
      record(records.map(encoded)) { continuation.resume(returning: $0) }
    }.get()
    var answers: [WriteOutcome] = []
    for outcome in outcomes { answers.append(try outcome.get()) }
    return answers
  }

  /// A record as Redis takes it.
  func encoded(_ pending: PendingBatch) -> EncodedBatch {
    var encoder = RecordEncoder(keys)
    encoder.append(pending)
    return EncodedBatch(words: encoder.arguments, end: pending.record.end)
  }

  /// The same without waiting: the answers are handed to a function, on the connection's thread.
  func record(
    _ records: [EncodedBatch],
    then function: @escaping @Sendable (Result<[Result<WriteOutcome, StoreError>], StoreError>) -> Void
  ) {
    var arguments = RedisArguments()
    arguments.reserveCapacity(records.reduce(128) { $0 + $1.size })
    arguments.append(keys.prefix)
    arguments.append(limits.retain)
    arguments.append(limits.storeItems)
    arguments.append(keys.wakeChannel)
    for record in records { arguments.append(contentsOf: record.words) }
    // Not the records themselves: a large one need not be kept until the answer.
    let ends = records.map(\.end)
    for end in ends { end.commitPoints.before.pass() }
    let names = [keys.leases, keys.queue, keys.suspects, keys.repairs, keys.live, keys.idle]
    connection.evaluate(Scripts.record, keys: names, arguments: arguments, timeout: timeout) { [self] outcome in
      switch outcome {
      case .success(let reply): function(Result { () throws(StoreError) in try answers(reply, to: ends) })
      case .failure(let error): function(.failure(StoreError(error)))
      }
    }
  }

  private func answers(
    _ reply: RedisReply, to ends: [CheckpointBatch.End?]
  ) throws(StoreError) -> [Result<WriteOutcome, StoreError>] {
    guard let parts = reply.array, parts.count == ends.count + 1, let time = parts[0].int else {
      throw RunStore.damaged(Scripts.record, reply)
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
    throw RunStore.damaged(Scripts.record, part)
  }
}

/// Writes the words that record.lua takes of one record.
private struct RecordEncoder {
  private(set) var arguments = RedisArguments()
  private let keys: Keys
  private var text: [UInt8] = []

  init(_ keys: Keys) {
    self.keys = keys
    arguments.reserveCapacity(2_048)
    text.reserveCapacity(512)
  }

  mutating func append(_ pending: PendingBatch) {
    let record = pending.record
    let pieces = record.resultPieces
    let facts = record.facts
    let documents = record.isFinished ? 0 : record.items.reduce(0) { $0 + $1.documentWords }
    arguments.append(pending.run.id.description)
    arguments.append(pending.run.token)
    arguments.append(pending.sequence)
    arguments.append(record.end?.name ?? "")
    arguments.append(record.hasCheckpoint ? 1 : 0)
    arguments.append(record.items.count { $0.isLogged })
    arguments.append(2 + 2 * facts.count + documents)
    arguments.append(record.items.count { !$0.isLogged } * 2)
    arguments.append(pieces.count * 2)
    for item in record.items { appendEntry(item) }
    append("seq", "\(pending.sequence)")
    for (field, value) in facts { append(field, value) }
    if !record.isFinished { for item in record.items { appendDocuments(item) } }
    for item in record.items { appendToStore(item, pending.run.id) }
    for piece in pieces { append(piece) }
  }

  private mutating func append(_ field: String, _ value: String) {
    arguments.append(field)
    arguments.append(value)
  }

  private mutating func appendEntry(_ item: CheckpointBatch.Item) {
    guard let message = item.message else { return }
    text.removeAll(keepingCapacity: true)
    switch item {
    case .entry(_, let time), .checkpoint(_, _, _, let time): message.write(at: time, to: &text)
    case .stored: return
    }
    arguments.append(text)
  }

  private mutating func appendDocuments(_ item: CheckpointBatch.Item) {
    switch item {
    case .entry: break
    case .checkpoint(let step, let outputs, _, _):
      arguments.append("out:" + step)
      arguments.append(outputs)
    case .stored(let step, let order, let namespace, let value):
      append("place:" + step, "\(order)," + JSONValue.string(namespace).text)
      arguments.append("stored:" + step)
      arguments.append(value)
    }
  }

  private mutating func appendToStore(_ item: CheckpointBatch.Item, _ id: JobID) {
    guard case .stored(let step, _, let namespace, let value) = item else { return }
    arguments.append(keys.store(namespace))
    text.removeAll(keepingCapacity: true)
    JSONWriter.append(verbatim: "{\"job_id\":\"", to: &text)
    JSONWriter.append(verbatim: id.description, to: &text)
    JSONWriter.append(verbatim: "\",\"step\":\"", to: &text)
    JSONWriter.append(verbatim: step, to: &text)
    JSONWriter.append(verbatim: "\",\"data\":", to: &text)
    text += value
    JSONWriter.append(verbatim: "}", to: &text)
    arguments.append(text)
  }

  private mutating func append(_ piece: RunResult.Piece) {
    if case .text(let text) = piece {
      arguments.append("text")
      arguments.append(text)
      return
    }
    arguments.append("field")
    switch piece {
    case .text: break
    case .inputs: arguments.append("inputs")
    case .outputs(let step): arguments.append("out:" + step)
    case .stored(let step): arguments.append("stored:" + step)
    }
  }
}

extension CheckpointBatch.Item {
  /// Whether the progress log shows it; else it goes to a store.
  fileprivate var isLogged: Bool {
    if case .stored = self { false } else { true }
  }

  /// How many words of fields keep it in the job until the run has finished.
  fileprivate var documentWords: Int {
    switch self {
    case .entry: 0
    case .checkpoint: 2
    case .stored: 4
    }
  }
}

extension CheckpointBatch {
  fileprivate var isFinished: Bool {
    if case .finished = end { true } else { false }
  }

  /// The fields of the job that are no documents, apart from the sequence number.
  fileprivate var facts: [(field: String, value: String)] {
    let time = last.text
    let degraded = fallbacks > 0 ? [("degraded", "\(fallbacks)")] : []
    let common =
      [("last_ts", time), ("begun", hasStepInFlight ? "1" : "0")] + degraded + [("log_bytes", "\(logBytes)")]
    switch end {
    case nil: return common
    case .handedBack, .declined: return common + [("status", "queued")]
    case .finished: return common + [("status", "finished"), ("finished_ts", time)]
    case .failed(let failure):
      return common + [
        ("status", "failed"), ("finished_ts", time), ("error_code", failure.code.rawValue), ("error", failure.message),
        ("document_bytes", "\(runDocumentBytes)"),
      ]
    }
  }

  /// The result, if the run has finished. What this record brings goes into its text; the rest lies in the job.
  fileprivate var resultPieces: [RunResult.Piece] {
    guard case .finished(let result) = end else { return [] }
    var outputs: [[UInt8]] = []
    var stored: [String: [UInt8]] = [:]
    for item in items {
      switch item {
      case .entry: break
      case .checkpoint(_, let text, _, _): outputs.append(text)
      case .stored(let step, _, _, let value): stored[step] = value
      }
    }
    return result.pieces(lastOutputs: outputs, stored: stored)
  }
}

extension CheckpointBatch.End? {
  fileprivate var commitPoints: (before: CommitPoint, after: CommitPoint) {
    switch self {
    case nil: (.beforeRecord, .afterRecord)
    case .finished, .failed: (.beforeFinish, .afterFinish)
    case .handedBack, .declined: (.beforeHandBack, .afterHandBack)
    }
  }
}

extension CheckpointBatch.End {
  fileprivate var name: String {
    switch self {
    case .finished: "finished"
    case .failed: "failed"
    case .handedBack(let asSuspect): asSuspect ? "suspect" : "queued"
    case .declined(let asSuspect): asSuspect ? "declined suspect" : "declined"
    }
  }
}

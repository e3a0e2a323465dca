import ExactJSON
import Hiredis
import Workflow

/// A record on its way, and the claim that it belongs to.
public struct PendingRecord: Sendable {
  /// The run, with the fencing token of the claim.
  public let run: HeldRun
  /// The number of this record within the claim, from 1; sent again, it is the same record.
  public let sequence: Int
  /// What is to be written.
  public let record: RunRecord

  /// A record of a claim.
  public init(_ record: RunRecord, of run: HeldRun, sequence: Int) {
    self.record = record
    self.run = run
    self.sequence = sequence
  }
}

extension RunStore {
  /// Writes records of runs in hand, of each run at most one; each is written or not, whatever becomes of the others.
  /// - Returns: an answer for each record.
  public func record(_ records: [PendingRecord]) async throws(StoreError) -> [RecordAnswer] {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(limits.retain)
    arguments.append(limits.storeItems)
    arguments.append(keys.wakeChannel)
    for pending in records { append(pending, to: &arguments) }
    for pending in records { pending.record.end.commitPoints.before.pass() }
    let reply = try await evaluate(
      Scripts.record, [keys.leases, keys.queue, keys.suspects, keys.repairs], arguments)
    guard let parts = reply.array, parts.count == records.count + 1, let time = parts[0].int else {
      throw RunStore.damaged(Scripts.record, reply)
    }
    clock.set(time)
    for pending in records { pending.record.end.commitPoints.after.pass() }
    var answers: [RecordAnswer] = []
    for part in parts.dropFirst() { answers.append(try answer(part)) }
    return answers
  }

  private func answer(_ part: RedisReply) throws(StoreError) -> RecordAnswer {
    if let words = part.array?.map({ $0.string ?? "" }) {
      switch (words.first, words.count) {
      case ("lost", 2): return .lost(words[1])
      case ("refused", 3): return .refused(words[1], namespace: keys.namespace(ofStore: words[2]))
      default: break
      }
    } else if part.string == "recorded" {
      return .recorded
    }
    throw RunStore.damaged(Scripts.record, part)
  }

  private func append(_ pending: PendingRecord, to arguments: inout RedisArguments) {
    let record = pending.record
    let parts = RecordParts(pending, keys)
    arguments.append(pending.run.id.description)
    arguments.append(pending.run.token)
    arguments.append(pending.sequence)
    arguments.append(record.end?.name ?? "")
    arguments.append(record.hasCheckpoint ? 1 : 0)
    let all = [parts.entries, parts.fields, parts.appends, parts.pieces]
    for words in all { arguments.append(words.count) }
    for words in all { arguments.append(contentsOf: words) }
  }
}

/// The words of one record, in the four parts that record.lua takes.
private struct RecordParts {
  var entries = RedisArguments()
  var fields = RedisArguments()
  var appends = RedisArguments()
  var pieces = RedisArguments()

  init(_ pending: PendingRecord, _ keys: Keys) {
    let record = pending.record
    let last = record.last.text
    fields.append("seq")
    fields.append(pending.sequence)
    fields.append("last_ts")
    fields.append(last)
    fields.append("begun")
    fields.append(record.hasStepUnderWay ? 1 : 0)
    switch record.end {
    case nil: break
    case .finished(let result):
      append("status", "finished")
      append("finished_ts", last)
      // What this record brings goes into the result alone; the rest of it lies in the job.
      append(result, record)
    case .failed(let failure):
      append("status", "failed")
      append("finished_ts", last)
      append("error_code", failure.code.rawValue)
      append("error", failure.message)
    case .handedBack: append("status", "queued")
    }
    for item in record.items { append(item, pending.run.id, record.isFinished, keys) }
  }

  private mutating func append(_ field: String, _ value: String) {
    fields.append(field)
    fields.append(value)
  }

  private mutating func append(_ item: RunRecord.Item, _ id: JobID, _ isFinished: Bool, _ keys: Keys) {
    switch item {
    case .entry(let message, let time): entries.append(message.entry(at: time))
    case .checkpoint(let step, let outputs, let inLog, let time):
      entries.append(ProgressMessage.stepDone(step: step, outputs: inLog ? outputs : nil).entry(at: time))
      if isFinished { return }
      fields.append("out:" + step)
      fields.append(outputs)
    case .stored(let step, let order, let namespace, let value):
      appends.append(keys.store(namespace))
      var item = Array("{\"job_id\":\"\(id)\",\"step\":\"\(step)\",\"data\":".utf8)
      item += value
      item.append(UInt8(ascii: "}"))
      appends.append(item)
      if isFinished { return }
      append("place:" + step, "\(order)," + JSONValue.string(namespace).text)
      fields.append("stored:" + step)
      fields.append(value)
    }
  }

  private mutating func append(_ result: RunResult, _ record: RunRecord) {
    var outputs: [String: [UInt8]] = [:]
    var stored: [String: [UInt8]] = [:]
    for item in record.items {
      switch item {
      case .entry: break
      case .checkpoint(let step, let text, _, _): outputs[step] = text
      case .stored(let step, _, _, let value): stored[step] = value
      }
    }
    for piece in result.pieces(outputs: outputs, stored: stored) {
      switch piece {
      case .text(let text):
        pieces.append("text")
        pieces.append(text)
      case .inputs: append(field: "inputs")
      case .outputs(let step): append(field: "out:" + step)
      case .stored(let step): append(field: "stored:" + step)
      }
    }
  }

  private mutating func append(field: String) {
    pieces.append("field")
    pieces.append(field)
  }
}

extension RunRecord {
  fileprivate var isFinished: Bool {
    if case .finished = end { true } else { false }
  }
}

extension RunRecord.End? {
  fileprivate var commitPoints: (before: CommitPoint, after: CommitPoint) {
    switch self {
    case nil: (.beforeRecord, .afterRecord)
    case .finished, .failed: (.beforeFinish, .afterFinish)
    case .handedBack: (.beforeHandBack, .afterHandBack)
    }
  }
}

extension RunRecord.End {
  fileprivate var name: String {
    switch self {
    case .finished: "finished"
    case .failed: "failed"
    case .handedBack(let asSuspect): asSuspect ? "suspect" : "queued"
    }
  }
}

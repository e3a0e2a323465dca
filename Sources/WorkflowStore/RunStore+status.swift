import Hiredis
public import Workflow

/// What is known of a run without its documents: little to read, however large they are.
public struct RunFacts: Sendable {
  /// Where the run stands.
  public let status: RunStatus
  /// What its author calls it.
  public let runName: String
  /// When it was accepted, in seconds since 1970, as text.
  public let createdAt: String
  /// When a worker first took it.
  public let startedAt: String?
  /// When it ended.
  public let finishedAt: String?
  /// Why it failed: the kind.
  public let errorCode: String?
  /// Why it failed: the sentence.
  public let error: String?
  /// Whether the placeholder stands in some output because the model failed.
  public let isDegraded: Bool
  /// Entries of its progress log.
  public let entries: Int
  /// Bytes of its progress log and its result, and of a failed run's documents, more or less.
  public let bytes: Int
}

/// What Redis holds of one run; documents as JSON text.
public struct StoredRun: Sendable {
  /// What is known without the documents.
  public let facts: RunFacts
  /// The steps of its definition; nil once it has finished, when the log names them all.
  public let steps: [UInt8]?
  /// The result, once it has finished.
  public let result: [UInt8]?
  /// Index of the first entry in `progress`.
  public let first: Int
  /// The progress log from that entry on.
  public let progress: [[UInt8]]
  /// The heads of all entries of the log.
  public let heads: [ProgressHead?]
  /// The outputs of a failed run's steps that were too large for the log, by step.
  public let outputs: [String: [UInt8]]

  /// Where the run stands.
  public var status: RunStatus { facts.status }
}

extension RunStore {
  private static let factNames = [
    "status", "run_name", "created_ts", "started_ts", "finished_ts", "error_code", "error", "bytes",
    "document_bytes", "degraded",
  ]

  /// Bytes of the submitted text that are read for the steps at once; longer steps take a second look.
  private static let shortSteps = 16 << 10

  /// Bytes of the entry that every log begins with.
  private static let firstEntryBytes = #"{"ts":1732387200.123456,"msg":"enqueued"}"#.utf8.count

  /// Reads the facts of a run; nil when there is none of this id.
  public func facts(of id: JobID) async throws(StoreError) -> RunFacts? {
    let replies = try await send([jobCommand(id), ["LLEN", keys.progress(id)], ["HGET", keys.holds, id.description]])
    guard replies.count == 3, let entries = replies[1].int else { throw damaged(id) }
    return try facts(of: id, in: replies[0], hold: replies[2], entries: entries)
  }

  /// Reads a run; nil when there is none of this id.
  ///
  /// Plain commands cost Redis half of what a script does, which would have to copy all that it reads. The job is read
  /// first, so the log and the result are never older than the status: of a run under way, the log may be newer.
  /// - Parameter since: index of the first progress entry that is wanted. Of those before it only the heads are read.
  ///   The log of a failed run is read as a whole: it holds the outputs that are part of the status.
  public func status(of id: JobID, since: Int = 0) async throws(StoreError) -> StoredRun? {
    let log: RedisArguments = ["LRANGE", keys.progress(id), "\(since)", "-1"]
    let replies = try await send([
      jobCommand(id), ["LLEN", keys.progress(id)], log, ["GET", keys.result(id)],
      ["GETRANGE", keys.documents(id), "0", "\(RunStore.shortSteps - 1)"], ["HGET", keys.holds, id.description],
    ])
    guard replies.count == 6, let entries = replies[1].int, let progress = replies[2].array else { throw damaged(id) }
    guard let facts = try facts(of: id, in: replies[0], hold: replies[5], entries: entries) else { return nil }
    if facts.status == .failed, since > 0 { return try await status(of: id) }
    let isFinished = facts.status == .finished
    // It has expired just now.
    if isFinished, entries == 0, replies[3].isNull { return nil }
    let entriesRead = progress.compactMap(\.bytesValue)
    let before = since > 0 ? try await heads(of: id, count: min(since, entries)) : []
    let outputs = facts.status == .failed ? try await outputs(of: id, missingIn: entriesRead) : [:]
    // A run of format 1 has its steps in its job.
    let former = replies[0].array?.last?.bytesValue
    var steps = isFinished ? nil : former
    if !isFinished, steps == nil { steps = try await self.steps(of: id, beginning: replies[4].bytesValue ?? []) }
    return StoredRun(
      facts: facts, steps: steps,
      result: isFinished ? replies[3].bytesValue : nil, first: min(since, entries), progress: entriesRead,
      heads: before + entriesRead.map { ProgressHead($0) }, outputs: outputs)
  }

  /// Reads the outputs that the log of a failed run only counts; a finished run's are in its result.
  private func outputs(of id: JobID, missingIn log: [[UInt8]]) async throws(StoreError) -> [String: [UInt8]] {
    let steps = log.compactMap { entry -> String? in
      guard let head = ProgressHead(entry), head.message == "step_done" else { return nil }
      return ProgressHead.outputs(in: entry) == nil ? head.step : nil
    }
    if steps.isEmpty { return [:] }
    let found = try await outputs(of: steps, id)
    if !found.isEmpty { return found }
    // A run of format 1 has them in its job.
    var command: RedisArguments = ["HMGET", keys.job(id)]
    for step in steps { command.append("out:" + step) }
    let texts = try await send(command).array ?? []
    let former = zip(steps, texts).compactMap { step, text in text.bytesValue.map { (step, $0) } }
    return Dictionary(former, uniquingKeysWith: { $1 })
  }

  private func jobCommand(_ id: JobID) -> RedisArguments {
    var command: RedisArguments = ["HMGET", keys.job(id)]
    for name in RunStore.factNames + ["steps"] { command.append(name) }
    return command
  }

  private func facts(
    of id: JobID, in reply: RedisReply, hold: RedisReply, entries: Int
  ) throws(StoreError) -> RunFacts? {
    guard let values = reply.array, values.count >= RunStore.factNames.count else { throw damaged(id) }
    if values[0].isNull { return nil }
    guard let status = values[0].string.flatMap(RunStatus.init(rawValue:)), let runName = values[1].string,
      let createdAt = values[2].string
    else { throw damaged(id) }
    // While a run is started, its hold knows; a failed run of format 1 says apart what its documents take.
    let held = hold.string?.split(separator: " ").dropLast().last.flatMap { Int($0) }
    let documents = status == .failed ? values[8].int ?? 0 : 0
    let bytes = held ?? values[7].int.map { $0 + documents } ?? RunStore.firstEntryBytes
    return RunFacts(
      status: status, runName: runName, createdAt: createdAt, startedAt: values[3].string, finishedAt: values[4].string,
      errorCode: values[5].string, error: values[6].string, isDegraded: !values[9].isNull, entries: entries,
      bytes: bytes)
  }

  private func damaged(_ id: JobID) -> StoreError {
    .damaged("the job key of run \(id) has no status, name and time that wf wrote")
  }
}

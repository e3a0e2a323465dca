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
  /// Bytes of its progress log and its result, more or less; nil for a run of an older version.
  public let bytes: Int?
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

  /// Reads the facts of a run; nil when there is none of this id.
  public func facts(of id: JobID) async throws(StoreError) -> RunFacts? {
    let replies = try await send([jobCommand(id), ["LLEN", keys.progress(id)]])
    guard replies.count == 2, let entries = replies[1].int else { throw damaged(id) }
    return try facts(of: id, in: replies[0], entries: entries)
  }

  /// Reads a run; nil when there is none of this id.
  ///
  /// Plain commands cost Redis half of what a script does, which would have to copy all that it reads. The job is read
  /// first, so the log and the result are never older than the status: of a run under way, the log may be newer.
  /// - Parameter since: index of the first progress entry that is wanted. Of those before it only the heads are read. The
  ///   log of a failed run is read as a whole: it holds the outputs that are part of the status.
  public func status(of id: JobID, since: Int = 0) async throws(StoreError) -> StoredRun? {
    let log: RedisArguments = ["LRANGE", keys.progress(id), "\(since)", "-1"]
    let replies = try await send([
      jobCommand(id, and: "steps"), ["LLEN", keys.progress(id)], log, ["GET", keys.result(id)],
    ])
    guard replies.count == 4, let entries = replies[1].int, let progress = replies[2].array else { throw damaged(id) }
    guard let facts = try facts(of: id, in: replies[0], entries: entries) else { return nil }
    if facts.status == .failed, since > 0 { return try await status(of: id) }
    let isFinished = facts.status == .finished
    // It has expired just now.
    if isFinished, entries == 0, replies[3].isNull { return nil }
    let entriesRead = progress.compactMap(\.bytesValue)
    let before = since > 0 ? try await heads(of: id, count: min(since, entries)) : []
    let outputs = facts.status == .failed ? try await outputs(of: id, missingIn: entriesRead) : [:]
    return StoredRun(
      facts: facts, steps: isFinished ? nil : replies[0].array?.last?.bytesValue,
      result: isFinished ? replies[3].bytesValue : nil, first: min(since, entries), progress: entriesRead,
      heads: before + entriesRead.map { ProgressHead($0) }, outputs: outputs)
  }

  /// Reads the outputs that a log only counts, from the job of a failed run; a finished run's are in its result.
  private func outputs(of id: JobID, missingIn log: [[UInt8]]) async throws(StoreError) -> [String: [UInt8]] {
    let steps = log.compactMap { entry -> String? in
      guard let head = ProgressHead(entry), head.message == "step_done" else { return nil }
      return ProgressHead.outputs(in: entry) == nil ? head.step : nil
    }
    if steps.isEmpty { return [:] }
    var command: RedisArguments = ["HMGET", keys.job(id)]
    for step in steps { command.append("out:" + step) }
    let texts: [RedisReply]
    do { texts = try await connection.send(command, timeout: timeout).array ?? [] } catch { throw StoreError(error) }
    let found = zip(steps, texts).compactMap { step, text in text.bytesValue.map { (step, $0) } }
    return Dictionary(found, uniquingKeysWith: { $1 })
  }

  private func jobCommand(_ id: JobID, and further: String...) -> RedisArguments {
    var command: RedisArguments = ["HMGET", keys.job(id)]
    for name in RunStore.factNames + further { command.append(name) }
    return command
  }

  private func facts(of id: JobID, in reply: RedisReply, entries: Int) throws(StoreError) -> RunFacts? {
    guard let values = reply.array, values.count >= RunStore.factNames.count else { throw damaged(id) }
    if values[0].isNull { return nil }
    guard let status = values[0].string.flatMap(RunStatus.init(rawValue:)), let runName = values[1].string,
      let createdAt = values[2].string
    else { throw damaged(id) }
    // The outputs of a failed run stay with its job.
    let documents = status == .failed ? values[8].int ?? 0 : 0
    let bytes = values[7].int.map { $0 + documents }
    return RunFacts(
      status: status, runName: runName, createdAt: createdAt, startedAt: values[3].string, finishedAt: values[4].string,
      errorCode: values[5].string, error: values[6].string, isDegraded: !values[9].isNull, entries: entries,
      bytes: bytes)
  }

  /// The answers to several commands; the first error is thrown.
  private func send(_ commands: [RedisArguments]) async throws(StoreError) -> [RedisReply] {
    do throws(RedisError) {
      let replies = try await connection.send(commands, timeout: timeout)
      for case .error(let error) in replies { throw RedisError.reply(error) }
      return replies
    } catch {
      throw StoreError(error)
    }
  }

  private func damaged(_ id: JobID) -> StoreError {
    .damaged("the job key of run \(id) has no status, name and time that wf wrote")
  }
}

import Hiredis
public import Workflow

/// What Redis holds of one run; documents as JSON text.
public struct StoredRun: Sendable {
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
  /// The steps of its definition; nil once it has finished, when the log names them all.
  public let steps: [UInt8]?
  /// The result, once it has finished.
  public let result: [UInt8]?
  /// The progress log.
  public let progress: [[UInt8]]
}

extension RunStore {
  /// Reads a run; nil when there is none of this id.
  ///
  /// Plain commands cost Redis half of what a script does, which would have to copy all that it reads. The job is read
  /// first, so the log and the result are never older than the status: of a run under way, the log may be newer.
  public func status(of id: JobID) async throws(StoreError) -> StoredRun? {
    let job: RedisArguments = [
      "HMGET", keys.job(id), "status", "run_name", "created_ts", "started_ts", "finished_ts", "error_code", "error",
      "steps",
    ]
    let log: RedisArguments = ["LRANGE", keys.progress(id), "0", "-1"]
    let replies = try await send([job, log, ["GET", keys.result(id)]])
    guard replies.count == 3, let facts = replies[0].array, facts.count == 8 else { throw damaged(id) }
    if facts[0].isNull { return nil }
    guard let status = facts[0].string.flatMap(RunStatus.init(rawValue:)), let runName = facts[1].string,
      let createdAt = facts[2].string, let progress = replies[1].array
    else { throw damaged(id) }
    let isFinished = status == .finished
    // It has expired just now.
    if isFinished, progress.isEmpty, replies[2].isNull { return nil }
    return StoredRun(
      status: status, runName: runName, createdAt: createdAt, startedAt: facts[3].string, finishedAt: facts[4].string,
      errorCode: facts[5].string, error: facts[6].string, steps: isFinished ? nil : facts[7].bytesValue,
      result: isFinished ? replies[2].bytesValue : nil, progress: progress.compactMap(\.bytesValue))
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

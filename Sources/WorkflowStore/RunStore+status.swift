import Hiredis
public import Workflow

/// What Redis holds of one run, at one instant; documents as JSON text.
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
  public func status(of id: JobID) async throws(StoreError) -> StoredRun? {
    let names = [keys.job(id), keys.progress(id), keys.result(id)]
    let reply = try await evaluate(Scripts.status, names, ["1"])
    if case .null = reply { return nil }
    guard let parts = reply.array, parts.count == 10,
      let status = parts[0].string.flatMap(RunStatus.init(rawValue:)),
      let runName = parts[1].string, let createdAt = parts[2].string, let progress = parts[9].array
    else { throw RunStore.damaged(Scripts.status, reply) }
    return StoredRun(
      status: status, runName: runName, createdAt: createdAt, startedAt: parts[3].string, finishedAt: parts[4].string,
      errorCode: parts[5].string, error: parts[6].string, steps: parts[7].bytesValue, result: parts[8].bytesValue,
      progress: progress.compactMap(\.bytesValue))
  }
}

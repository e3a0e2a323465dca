import Hiredis

/// A run to be accepted.
public struct Submission: Sendable {
  /// The id that the API chose.
  public let id: JobID
  /// What its author calls it.
  public let runName: String
  /// The steps' JSON text, defaults filled in.
  public let steps: [UInt8]
  /// The inputs' JSON text as it came in; it is stored as it is.
  public let inputs: [UInt8]
  /// The client's `Idempotency-Key`, if it sent one.
  public let idempotencyKey: String?
  /// The id of the request, for the logs.
  public let requestID: String

  /// A run to be accepted.
  public init(
    id: JobID, runName: String, steps: [UInt8], inputs: [UInt8], idempotencyKey: String? = nil, requestID: String
  ) {
    self.id = id
    self.runName = runName
    self.steps = steps
    self.inputs = inputs
    self.idempotencyKey = idempotencyKey
    self.requestID = requestID
  }
}

/// What became of a submission.
public enum SubmissionAnswer: Sendable, Equatable {
  /// The run is accepted under this id, now or by an earlier sending.
  case accepted(JobID)
  /// The idempotency key was used with another body, for this job.
  case conflict(JobID)
}

extension RunStore {
  /// Accepts a run. Safe to send twice: the same id, or the same key with the same body, is one job.
  public func submit(_ submission: Submission) async throws(StoreError) -> SubmissionAnswer {
    let id = submission.id
    var names = [keys.job(id), keys.progress(id), keys.queue, keys.live, keys.idle]
    if let key = submission.idempotencyKey { names.append(keys.idempotency(key)) }
    CommitPoint.beforeSubmit.pass()
    let reply = try await evaluate(Scripts.submit, names, arguments(of: submission))
    CommitPoint.afterSubmit.pass()
    guard let parts = reply.array, parts.count == 2,
      let word = parts[0].string, let job = parts[1].string.flatMap({ JobID($0) })
    else { throw RunStore.damaged(Scripts.submit, reply) }
    return word == "conflict" ? .conflict(job) : .accepted(job)
  }

  private func arguments(of submission: Submission) -> RedisArguments {
    var arguments = RedisArguments()
    arguments.append(submission.id.description)
    arguments.append(submission.runName)
    arguments.append(submission.steps)
    arguments.append(submission.inputs)
    arguments.append(Keys.format)
    arguments.append(submission.requestID)
    arguments.append(limits.idempotency)
    arguments.append(keys.wakeChannel)
    return arguments
  }
}

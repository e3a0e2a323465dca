import ExactJSON
import Hiredis
import LinuxSupport
import Tracing
public import Workflow

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
  /// What it says of itself besides.
  public let options: RunOptions
  /// What a worker must have to take the run (``WorkflowDefinition/requirements``).
  public let requirements: Set<String>
  /// What the runs of its owner may take; nil for as much as they like.
  public let quota: RunQuota?
  /// The client's `Idempotency-Key`, if it sent one.
  public let idempotencyKey: String?
  /// The id of the request, for the logs.
  public let requestID: String

  /// A run to be accepted.
  public init(
    id: JobID, runName: String, steps: [UInt8], inputs: [UInt8], requirements: Set<String>,
    options: RunOptions = RunOptions(), quota: RunQuota? = nil, idempotencyKey: String? = nil, requestID: String
  ) {
    self.quota = quota
    self.options = options
    self.id = id
    self.runName = runName
    self.steps = steps
    self.inputs = inputs
    self.requirements = options.owner.map { requirements.union(["owner:\($0)"]) } ?? requirements
    self.idempotencyKey = idempotencyKey
    self.requestID = requestID
  }

  /// Bytes of its documents.
  var size: Int { steps.count + inputs.count }
}

/// What became of a submission.
public enum SubmissionAnswer: Sendable, Equatable {
  /// The run is accepted under this id, now or by an earlier sending.
  case accepted(JobID)
  /// The idempotency key was used with another body, for this job.
  case conflict(JobID)
  /// The run is to start at a time that has passed; nothing is accepted.
  case past
  /// The runs of its owner take as much as its quota says; nothing is accepted.
  case limited(RunQuota.Part)
}

/// What the runs of a name may take in a partition; nil where nothing limits them.
public struct RunQuota: Sendable, Equatable {
  /// Queued and started runs.
  public var runs: Int?
  /// Bytes that are stored: of the steps and inputs of these runs, and what is kept of runs that have ended.
  public var bytes: Int?

  /// A part of it.
  public enum Part: String, Sendable {
    case runs
    case bytes
  }

  /// A quota.
  public init(runs: Int? = nil, bytes: Int? = nil) { (self.runs, self.bytes) = (runs, bytes) }

  /// The option as submit.lua reads it, and its line end.
  fileprivate var line: String { "quota \(runs.map { "\($0)" } ?? "-") \(bytes.map { "\($0)" } ?? "-")\n" }
}

extension RunStore {
  /// Accepts a run. Safe to send twice: the same id, or the same key with the same body, is one job.
  public func submit(_ submission: Submission) async throws(StoreError) -> SubmissionAnswer {
    let answers = try await withUnsafeContinuation { continuation in
      submit([submission]) { continuation.resume(returning: $0) }
    }.get()
    return try answers[0].get()
  }

  /// The same of several runs in one call, without waiting: the answers are handed to a function, on the connection's
  /// thread. Each run is accepted or not, whatever becomes of the others.
  func submit(
    _ submissions: [Submission],
    then function: @escaping @Sendable (Result<[Result<SubmissionAnswer, StoreError>], StoreError>) -> Void
  ) {
    var arguments = RedisArguments()
    arguments.reserveCapacity(submissions.reduce(64) { $0 + $1.size + 256 })
    arguments.append(keys.prefix)
    arguments.append(limits.idempotency)
    arguments.append(limits.retain)
    var classes: [String] = []
    let numbers = submissions.map { submission in
      let requirements = RunClasses.text(of: submission.requirements)
      if let index = classes.firstIndex(of: requirements) { return index + 1 }
      classes.append(requirements)
      return classes.count
    }
    arguments.append(classes.count)
    for requirements in classes { arguments.append(requirements) }
    for (submission, number) in zip(submissions, numbers) { submission.append(to: &arguments, asClass: number) }
    CommitPoint.beforeSubmit.pass()
    let jobs = submissions.map(\.id)
    writes.evaluate(
      Scripts.submit, keys: [keys.leases], arguments: arguments, replicas: replicas, timeout: timeout
    ) { [self] outcome in
      CommitPoint.afterSubmit.pass()
      switch outcome {
      case .success(let reply):
        function(
          Result { () throws(StoreError) in
            guard let parts = reply.array, parts.count == jobs.count else {
              throw Self.damaged(Scripts.submit, reply)
            }
            return zip(parts, jobs).map { part, job in
              Result { () throws(StoreError) in try Self.submissionAnswer(part, to: job) }
            }
          })
      case .failure(let error): function(.failure(failure(error)))
      }
    }
  }

  private static func submissionAnswer(
    _ reply: RedisReply, to job: JobID
  ) throws(StoreError) -> SubmissionAnswer {
    if reply.int == 1 { return .accepted(job) }
    guard let words = reply.array?.map({ $0.string ?? "" }), words.count == 2 else {
      throw Self.damaged(Scripts.submit, reply)
    }
    if words[0] == "held" { throw .damaged("WRONGTYPE \(words[1])") }
    if words[0] == "past" { return .past }
    if words[0] == "limited", let part = RunQuota.Part(rawValue: words[1]) { return .limited(part) }
    guard let job = JobID(words[1]) else { throw Self.damaged(Scripts.submit, reply) }
    return words[0] == "conflict" ? .conflict(job) : .accepted(job)
  }
}

extension Submission {
  /// - Parameter number: of its class, below 100.
  fileprivate func append(to arguments: inout RedisArguments, asClass number: Int) {
    for word in words(asClass: number) { arguments.append(word) }
    if !options.isEmpty { arguments.append((quota?.line ?? "") + options.traceLine + options.lines) }
    // No key has a comma.
    if let idempotencyKey { arguments.append(options.owner.map { "\($0),\(idempotencyKey)" } ?? idempotencyKey) }
  }

  /// Its facts, its name and its documents, as submit.lua takes them.
  /// - Parameter number: of its class, below 100.
  func words(asClass number: Int) -> [[UInt8]] {
    let bytes = RunDocuments.headBytes + size
    var facts: [UInt8] = []
    facts.reserveCapacity(128)
    facts.append(decimal: number, digits: 2)
    facts.append(text: " ")
    facts.append(decimal: (idempotencyKey == nil ? 0 : 1) + (options.isEmpty ? 0 : 2), digits: 1)
    facts.append(text: " ")
    facts.append(text: id.description)
    facts.append(text: " ")
    facts.append(decimal: bytes, digits: 8)
    facts.append(text: " ")
    facts.append(text: requestID)
    var documents: [UInt8] = []
    documents.reserveCapacity(bytes)
    documents.append(decimal: steps.count, digits: RunDocuments.headBytes)
    documents += steps
    documents += inputs
    return [facts, Array(runName.utf8), documents]
  }
}

extension RunOptions {
  /// The trace as submit.lua reads it, and its line end; like a quota no part of what an idempotency key compares.
  var traceLine: String { trace.map { "trace \($0.line)\n" } ?? "" }

  /// The options as admit.lua reads them: of each that is said a line with its name and its value.
  var lines: String {
    var lines: [String] = []
    switch start {
    case nil: break
    case .after(let milliseconds): lines.append("start +\(milliseconds)")
    case .at(let milliseconds): lines.append("start \(milliseconds)")
    }
    if let timeout { lines.append("limit \(timeout.text)") }
    if let retain { lines.append("retain \(retain)") }
    if priority != .normal { lines.append("priority \(priority.rawValue)") }
    if let callback { lines.append("callback \(callback)") }
    if let owner { lines.append("owner \(owner)") }
    if !labels.isEmpty { lines.append("labels \(JSONValue.object(labelsJSON).text)") }
    return lines.joined(separator: "\n")
  }
}

import Hiredis
public import Workflow

/// What is known of a run without its documents: little to read, however large they are.
public struct RunFacts: Sendable {
  /// The run's status.
  public let status: RunStatus
  /// What its author calls it.
  public let runName: String
  /// When it was accepted, in seconds since 1970, as text.
  public let createdAt: [UInt8]
  /// When a worker first took it.
  public let startedAt: [UInt8]?
  /// When it ended.
  public let finishedAt: [UInt8]?
  /// Why it failed: the kind.
  public let errorCode: String?
  /// Why it failed: the sentence.
  public let error: String?
  /// Whether the placeholder is in some output because the model failed.
  public let isDegraded: Bool
  /// Until when it waits or waited outside its queue, if it did.
  public let due: [UInt8]?
  /// Its labels as a JSON object, if it has any.
  public let labels: [UInt8]?
  /// Its priority, if it is not the normal one.
  public let priority: String?
  /// Entries of its progress log.
  public let entries: Int
  /// Bytes of its progress log and its result, and of a failed run's documents, more or less.
  public let bytes: Int
  /// The schedule that has started it, if one has.
  public var origin: ScheduleOrigin?
  /// Whose run it is; nil without API keys.
  public var owner: String?
  /// Whether it starts no further step until it is resumed.
  public var isPaused = false
  /// How often it was run again after it had ended.
  public var generation = 0
  /// When it was last run again; nil while it was not.
  public var reopenedAt: [UInt8]?
  /// Whether a step of it was started that may have called models.
  public var hasModelCalls = false
}

/// Which tick of a schedule a run is of.
public struct ScheduleOrigin: Sendable, Equatable {
  /// The name of the schedule.
  public let name: String
  /// The tick, in seconds since 1970.
  public let tick: Int

  /// Reads what tick.lua writes, such as `1795460055 daily`; nil when it is something else.
  init?(_ text: String) {
    let words = text.split(separator: " ")
    guard words.count == 2, let tick = Int(words[0]) else { return nil }
    self.tick = tick
    name = String(words[1])
  }
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

  /// The run's status.
  public var status: RunStatus { facts.status }
}

/// What one look at a run finds.
public enum RunOverview: Sendable {
  /// What is known without the documents.
  case facts(RunFacts)
  /// All of a short run.
  case run(StoredRun)

  /// What is known without the documents.
  public var facts: RunFacts {
    switch self {
    case .facts(let facts): facts
    case .run(let run): run.facts
    }
  }
}

extension RunStore {
  /// Bytes of the submitted text that are read for the steps at once; longer steps take a second look.
  private static let shortSteps = 16 << 10

  /// Bytes of the entry that every log begins with.
  fileprivate static let firstEntryBytes = #"{"ts":1732387200.123456,"msg":"enqueued"}"#.utf8.count

  /// Reads the facts of a run; nil when there is none of this id.
  public func facts(of id: JobID) async throws(StoreError) -> RunFacts? {
    try await overview(of: id, documentsUpTo: 0)?.facts
  }

  /// Reads the facts of a run, and with them the run itself if it is short and has not failed; nil when there is none
  /// of this id.
  ///
  /// It is one script: a short run costs the API one trip and Redis few commands. For longer ones Redis would copy all
  /// that a script reads; see `run(of:facts:since:)`.
  /// - Parameter limit: bytes of its log and its result up to which a run is short; 0 for the facts alone.
  public func overview(
    of id: JobID, documentsUpTo limit: Int
  ) async throws(StoreError) -> RunOverview? {
    var arguments = RedisArguments()
    arguments.reserveCapacity(128)
    arguments.append(keys.prefix)
    arguments.append(id.description)
    arguments.append(limit)
    let reply = try await evaluate(Scripts.status, [keys.job(id)], arguments)
    if reply.isNull { return nil }
    guard let values = reply.array, let facts = RunFacts(values) else {
      throw .damaged("the job key of run \(id) has no status, name and time that wf wrote")
    }
    guard values.count > RunFacts.words, let log = values[RunFacts.words].array else { return .facts(facts) }
    let document = values.count > RunFacts.words + 1 ? values[RunFacts.words + 1].bytesValue : nil
    let isFinished = facts.status == .finished
    // It has expired just now.
    if isFinished, log.isEmpty, document == nil { return nil }
    let steps = isFinished ? nil : document.flatMap { RunDocuments.steps(in: $0) }
    // Longer steps, and those of a run of format 1, take a second look.
    if !isFinished, steps == nil { return .facts(facts) }
    let entries = log.compactMap(\.bytesValue)
    return .run(
      StoredRun(
        facts: facts, steps: steps, result: isFinished ? document : nil, first: 0, progress: entries,
        heads: entries.map { ProgressHead($0) }, outputs: [:]))
  }

  /// Reads a run; nil when there is none of this id.
  public func status(of id: JobID, since: Int = 0) async throws(StoreError) -> StoredRun? {
    guard let facts = try await facts(of: id) else { return nil }
    return try await run(of: id, facts: facts, since: since)
  }

  /// Reads the documents of a run whose facts were read; nil when it has expired meanwhile.
  ///
  /// Plain commands cost Redis half of what a script does, which would have to copy all that it reads. The log and the
  /// result are never older than the facts: of a run under way, the log may be newer.
  /// - Parameter since: index of the first progress entry that is wanted. Of those before it only the heads are read.
  ///   The log of a failed run is read as a whole: it holds the outputs that are part of the status.
  public func run(of id: JobID, facts: RunFacts, since: Int = 0) async throws(StoreError) -> StoredRun? {
    let (isFinished, isFailed) = (facts.status == .finished, facts.status == .failed || facts.status == .cancelled)
    let since = isFailed ? 0 : since
    let replies = try await send([
      ["LLEN", keys.progress(id)], ["LRANGE", keys.progress(id), "\(since)", "-1"],
      isFinished
        ? ["GET", keys.result(id)] : ["GETRANGE", keys.documents(id), "0", "\(Self.shortSteps - 1)"],
      // A run of format 1 has its steps in its job.
      ["HGET", keys.job(id), "steps"],
    ])
    guard replies.count == 4, let entries = replies[0].int, let log = replies[1].array else {
      throw .damaged("the log of run \(id) is no list")
    }
    if isFinished, entries == 0, replies[2].isNull { return nil }
    let progress = log.compactMap(\.bytesValue)
    let before = since > 0 ? try await heads(of: id, count: min(since, entries)) : []
    let outputs = isFailed ? try await outputs(of: id, missingIn: progress) : [:]
    var steps = isFinished ? nil : replies[3].bytesValue
    if !isFinished, steps == nil { steps = try await self.steps(of: id, beginning: replies[2].bytesValue ?? []) }
    return StoredRun(
      facts: facts, steps: steps, result: isFinished ? replies[2].bytesValue : nil, first: min(since, entries),
      progress: progress, heads: before + progress.map { ProgressHead($0) }, outputs: outputs)
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
}

extension RunFacts {
  /// Reads the facts in a reply of list.lua, which counts no log; nil when wf did not write them.
  init?(listed values: ArraySlice<RedisReply>) {
    let values = Array(values)
    guard values.count >= 16, let status = values[0].string.flatMap(RunStatus.init(rawValue:)),
      let runName = values[1].string, let createdAt = values[2].bytesValue
    else { return nil }
    self.init(
      status: status, runName: runName, createdAt: createdAt, startedAt: values[3].bytesValue,
      finishedAt: values[4].bytesValue, errorCode: values[5].string, error: values[6].string,
      isDegraded: !values[11].isNull, due: values[13].bytesValue, labels: values[7].bytesValue,
      priority: values[8].string, entries: 0, bytes: 0, origin: values[14].string.flatMap { ScheduleOrigin($0) },
      owner: values[9].string, isPaused: !values[10].isNull, generation: values[12].int ?? 0,
      reopenedAt: values[15].bytesValue)
  }

  /// Values of a reply of status.lua that hold the facts.
  fileprivate static let words = 19

  /// Reads the facts in a reply of status.lua; nil when wf did not write them.
  fileprivate init?(_ values: [RedisReply]) {
    guard values.count >= Self.words, let status = values[0].string.flatMap(RunStatus.init(rawValue:)),
      let runName = values[1].string, let createdAt = values[2].bytesValue, let entries = values[8].int
    else { return nil }
    self.init(
      status: status, runName: runName, createdAt: createdAt, startedAt: values[3].bytesValue,
      finishedAt: values[4].bytesValue, errorCode: values[5].string, error: values[6].string,
      isDegraded: !values[7].isNull, due: values[10].bytesValue, labels: values[11].bytesValue,
      priority: values[12].string, entries: entries, bytes: values[9].int ?? RunStore.firstEntryBytes,
      origin: values[13].string.flatMap { ScheduleOrigin($0) }, owner: values[14].string,
      isPaused: !values[15].isNull, generation: values[16].int ?? 0, reopenedAt: values[18].bytesValue,
      hasModelCalls: !values[17].isNull)
  }
}

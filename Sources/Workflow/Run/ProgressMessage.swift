public import ExactJSON

/// One entry of a run's progress log, without its time.
///
/// In the log an entry reads `{"ts":1732387200.123456,"msg":"step_start","step":"pre","op":"preprocess"}`: `ts` in
/// seconds since 1970, then `msg`, then what belongs to it, `outputs` last.
public enum ProgressMessage: Sendable, Equatable {
  /// A worker took the run for the first time.
  case started(run: String)
  /// A worker took the run again, after a hand-back or a crash.
  case resumed
  /// An attempt of a step begins.
  case stepStart(step: String, op: String)
  /// How many items of a step with `foreach` have ended, and how many of them have failed.
  case stepProgress(step: String, done: Int, failed: Int, total: Int)
  /// An attempt of a step failed, and another one follows.
  indirect case stepRetry(step: String, item: Int?, StepAttempts)
  /// A step succeeded.
  case stepDone(step: String, LoggedOutputs)
  /// A step was not run: its condition does not hold.
  case stepSkipped(step: String)
  /// A step failed for good.
  case stepFailed(step: String, StepFailure)
  /// The configured model failed and the placeholder was used instead; `usage` is the provider's count of tokens of
  /// an answer that could not be used, else null.
  case modelFallback(step: String, StepFailure, usage: JSONValue)
  /// A model of a chain has failed for good, and the next one is called.
  indirect case nextModel(step: String, item: Int?, ModelChange)
  /// Every step is done.
  case finished
  /// The run failed.
  case failed(StepFailure)

  /// Which model takes the place of which, and why.
  public struct ModelChange: Sendable, Equatable {
    /// The name of the model that is called from now on.
    public let model: String
    /// The name of the one that has failed.
    public let former: String
    /// How that one failed.
    public let failure: StepFailure

    /// A change.
    public init(to model: String, from former: String, _ failure: StepFailure) {
      self.model = model
      self.former = former
      self.failure = failure
    }
  }

  /// What a `step_done` says of the step's outputs.
  public enum LoggedOutputs: Sendable, Equatable {
    /// Their JSON text.
    case shown([UInt8])
    /// They are too large for the log; only how many bytes they take.
    case omitted(bytes: Int)
  }

  /// The names of all entries, in `msg`. Scripts write those of a submission, a cancellation and a retry.
  package static let names = [
    "enqueued", "started", "resumed", "step_start", "step_progress", "step_retry", "step_done", "step_skipped",
    "step_failed",
    "llm_fallback", "llm_next_model", "finished", "failed", "cancelled", "retried", "step_reset",
  ]

  /// The step that it is about, if any.
  public var step: String? {
    switch self {
    case .stepStart(let step, _), .stepProgress(let step, _, _, _), .stepRetry(let step, _, _), .stepDone(let step, _),
      .stepSkipped(let step), .stepFailed(let step, _), .modelFallback(let step, _, _), .nextModel(let step, _, _):
      step
    case .started, .resumed, .finished, .failed: nil
    }
  }

  /// Appends the whole entry.
  public func write(at time: Timestamp, to buffer: inout [UInt8]) {
    JSONWriter.append(verbatim: "{\"ts\":", to: &buffer)
    time.write(to: &buffer)
    write(to: &buffer)
  }

  /// Bytes of the whole entry.
  public var byteCount: Int {
    var counter = JSONByteCounter(left: .max)
    write(to: &counter)
    // A time in seconds has 17 characters until the year 2286.
    return .max - counter.left + #"{"ts":"#.utf8.count + 17
  }

  /// Writes what follows the time.
  private func write(to text: inout some EntryText) {
    switch self {
    case .started(let run): text.add(#","msg":"started","run":"#, run)
    case .resumed: text.add(#","msg":"resumed""#)
    case .stepStart(let step, let op):
      text.add(#","msg":"step_start","step":"#, step)
      text.add(#","op":"#, op)
    case .stepProgress(let step, let done, let failed, let total):
      text.add(#","msg":"step_progress","step":"#, step)
      text.add(#","done":\#(done),"failed":\#(failed),"total":\#(total)"#)
    case .stepRetry(let step, let item, let attempts): Self.write(attempts, step, item, to: &text)
    case .stepDone(let step, let outputs):
      text.add(#","msg":"step_done","step":"#, step)
      switch outputs {
      case .shown(let json):
        text.add(#","outputs":"#)
        text.add(json: json)
      case .omitted(let bytes): text.add(#","outputs_omitted":true,"outputs_bytes":\#(bytes)"#)
      }
    case .stepSkipped(let step): text.add(#","msg":"step_skipped","step":"#, step)
    case .stepFailed(let step, let failure):
      text.add(#","msg":"step_failed","step":"#, step)
      text.add(failure)
    case .modelFallback(let step, let failure, let usage):
      Self.write(failure, usage, step, to: &text)
    case .nextModel(let step, let item, let change): Self.write(change, step, item, to: &text)
    case .finished: text.add(#","msg":"finished""#)
    case .failed(let failure):
      text.add(#","msg":"failed""#)
      text.add(failure)
    }
    text.add("}")
  }

  private static func write(_ attempts: StepAttempts, _ step: String, _ item: Int?, to text: inout some EntryText) {
    text.add(#","msg":"step_retry","step":"#, step)
    if let item { text.add(#","item":\#(item)"#) }
    if let reason = attempts.failure.details.waitsFor { text.add(#","waits_for":"\#(reason.rawValue)""#) }
    text.add(#","attempt":\#(attempts.failed)"#)
    text.add(attempts.failure)
    text.add(#","retry_at":\#(attempts.due.text)"#)
    text.add(usage: attempts.failure.details.usage)
  }

  private static func write(
    _ failure: StepFailure, _ usage: JSONValue, _ step: String, to text: inout some EntryText
  ) {
    text.add(#","msg":"llm_fallback","step":"#, step)
    text.add(failure)
    text.add(usage: usage)
  }

  private static func write(_ change: ModelChange, _ step: String, _ item: Int?, to text: inout some EntryText) {
    text.add(#","msg":"llm_next_model","step":"#, step)
    if let item { text.add(#","item":\#(item)"#) }
    text.add(#","model":"#, change.model)
    text.add(#","instead_of":"#, change.former)
    text.add(change.failure)
  }
}

/// What an entry is written to: its bytes, or their number.
private protocol EntryText {
  /// Adds JSON as it is.
  mutating func add(_ text: String)
  /// Adds JSON as it is.
  mutating func add(json: [UInt8])
  /// Adds a string with its quotes and escapes.
  mutating func add(string: String)
}

extension EntryText {
  fileprivate mutating func add(_ head: String, _ string: String) {
    add(head)
    add(string: string)
  }

  fileprivate mutating func add(usage: JSONValue) {
    if usage == .null { return }
    add(#","usage":"#)
    add(json: usage.bytes)
  }

  fileprivate mutating func add(_ failure: StepFailure) {
    add(#","error_code":"#, failure.code.rawValue)
    add(#","error":"#, failure.message)
  }
}

extension [UInt8]: EntryText {
  fileprivate mutating func add(_ text: String) { JSONWriter.append(verbatim: text, to: &self) }
  fileprivate mutating func add(json: [UInt8]) { self += json }
  fileprivate mutating func add(string: String) { JSONWriter.append(string: string, to: &self) }
}

extension JSONByteCounter: EntryText {
  fileprivate mutating func add(_ text: String) { _ = take(bytes: text.utf8.count) }
  fileprivate mutating func add(json: [UInt8]) { _ = take(bytes: json.count) }
  fileprivate mutating func add(string: String) { _ = take(string: string) }
}

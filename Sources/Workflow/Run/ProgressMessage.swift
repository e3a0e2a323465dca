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
  /// A step succeeded.
  case stepDone(step: String, LoggedOutputs)
  /// A step failed for good.
  case stepFailed(step: String, StepFailure)
  /// The configured model failed and the placeholder spoke in its stead; `usage` is the provider's count of tokens of
  /// an answer that could not be used, else null.
  case modelFallback(step: String, StepFailure, usage: JSONValue)
  /// Every step is done.
  case finished
  /// The run failed.
  case failed(StepFailure)

  /// What a `step_done` says of the step's outputs.
  public enum LoggedOutputs: Sendable, Equatable {
    /// Their JSON text.
    case shown([UInt8])
    /// They are too large for the log; only how many bytes they take.
    case omitted(bytes: Int)
  }

  /// The step that it is about, if any.
  public var step: String? {
    switch self {
    case .stepStart(let step, _), .stepDone(let step, _), .stepFailed(let step, _), .modelFallback(let step, _, _): step
    case .started, .resumed, .finished, .failed: nil
    }
  }

  /// Appends the whole entry.
  public func write(at time: Timestamp, to buffer: inout [UInt8]) {
    JSONWriter.append(verbatim: "{\"ts\":", to: &buffer)
    time.write(to: &buffer)
    JSONWriter.append(verbatim: ",", to: &buffer)
    write(to: &buffer)
    JSONWriter.append(verbatim: "}", to: &buffer)
  }

  /// Bytes of the whole entry.
  public var byteCount: Int {
    var counter = JSONByteCounter(left: .max)
    // A time in seconds has 17 characters until the year 2286.
    _ = counter.take(bytes: #"{"ts":,"msg":}"#.utf8.count + 17)
    _ = counter.take(string: name)
    for (key, value) in members {
      _ = counter.take(bytes: 2) && counter.take(string: key) && counter.take(string: value)
    }
    switch self {
    case .stepDone(_, let outputs): _ = counter.take(bytes: outputs.head.utf8.count + outputs.text.count)
    case .modelFallback(_, _, let usage) where usage != .null:
      _ = counter.take(bytes: ProgressMessage.usageHead.utf8.count) && counter.take(usage)
    default: break
    }
    return .max - counter.left
  }

  private func write(to buffer: inout [UInt8]) {
    JSONWriter.append(verbatim: "\"msg\":", to: &buffer)
    JSONWriter.append(string: name, to: &buffer)
    for (key, value) in members {
      JSONWriter.append(verbatim: ",", to: &buffer)
      JSONWriter.append(string: key, to: &buffer)
      JSONWriter.append(verbatim: ":", to: &buffer)
      JSONWriter.append(string: value, to: &buffer)
    }
    switch self {
    case .stepDone(_, let outputs):
      JSONWriter.append(verbatim: outputs.head, to: &buffer)
      buffer += outputs.text
    case .modelFallback(_, _, let usage) where usage != .null:
      JSONWriter.append(verbatim: ProgressMessage.usageHead, to: &buffer)
      usage.write(to: &buffer)
    default: break
    }
  }

  private static let usageHead = #","usage":"#

  private var name: String {
    switch self {
    case .started: "started"
    case .resumed: "resumed"
    case .stepStart: "step_start"
    case .stepDone: "step_done"
    case .stepFailed: "step_failed"
    case .modelFallback: "llm_fallback"
    case .finished: "finished"
    case .failed: "failed"
    }
  }

  /// What belongs to it, but for outputs.
  private var members: [(String, String)] {
    switch self {
    case .started(let run): [("run", run)]
    case .resumed, .finished: []
    case .stepStart(let step, let op): [("step", step), ("op", op)]
    case .stepDone(let step, _): [("step", step)]
    case .stepFailed(let step, let failure), .modelFallback(let step, let failure, _):
      [("step", step)] + failure.members
    case .failed(let failure): failure.members
    }
  }
}

extension ProgressMessage.LoggedOutputs {
  /// What comes before the text.
  fileprivate var head: String {
    switch self {
    case .shown: #","outputs":"#
    case .omitted(let bytes): #","outputs_omitted":true,"outputs_bytes":\#(bytes)"#
    }
  }

  fileprivate var text: [UInt8] {
    if case .shown(let text) = self { text } else { [] }
  }
}

extension StepFailure {
  fileprivate var members: [(String, String)] { [("error_code", code.rawValue), ("error", message)] }
}

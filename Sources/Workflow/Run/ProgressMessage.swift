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
  /// A step succeeded; `outputs` is their JSON text, nil when they are too large for the log.
  case stepDone(step: String, outputs: [UInt8]?)
  /// A step failed for good.
  case stepFailed(step: String, StepFailure)
  /// The configured model failed and the placeholder spoke in its stead; `usage` is the provider's count of tokens of an
  /// answer that could not be used, else null.
  case modelFallback(step: String, StepFailure, usage: JSONValue)
  /// Every step is done.
  case finished
  /// The run failed.
  case failed(StepFailure)

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

  private func write(to buffer: inout [UInt8]) {
    switch self {
    case .started(let run): ProgressMessage.write("started", [("run", run)], to: &buffer)
    case .resumed: ProgressMessage.write("resumed", [], to: &buffer)
    case .stepStart(let step, let op):
      ProgressMessage.write("step_start", [("step", step), ("op", op)], to: &buffer)
    case .stepDone(let step, let outputs):
      ProgressMessage.write("step_done", [("step", step)], to: &buffer)
      if let outputs {
        JSONWriter.append(verbatim: ",\"outputs\":", to: &buffer)
        buffer += outputs
      } else {
        JSONWriter.append(verbatim: ",\"outputs_omitted\":true", to: &buffer)
      }
    case .stepFailed(let step, let failure):
      ProgressMessage.write("step_failed", [("step", step)] + failure.members, to: &buffer)
    case .modelFallback(let step, let failure, let usage):
      ProgressMessage.write("llm_fallback", [("step", step)] + failure.members, to: &buffer)
      if usage != .null {
        JSONWriter.append(verbatim: ",\"usage\":", to: &buffer)
        buffer += usage.bytes
      }
    case .finished: ProgressMessage.write("finished", [], to: &buffer)
    case .failed(let failure): ProgressMessage.write("failed", failure.members, to: &buffer)
    }
  }

  private static func write(_ name: String, _ members: [(String, String)], to buffer: inout [UInt8]) {
    JSONWriter.append(verbatim: "\"msg\":", to: &buffer)
    JSONWriter.append(string: name, to: &buffer)
    for (key, value) in members {
      JSONWriter.append(verbatim: ",", to: &buffer)
      JSONWriter.append(string: key, to: &buffer)
      JSONWriter.append(verbatim: ":", to: &buffer)
      JSONWriter.append(string: value, to: &buffer)
    }
  }
}

extension StepFailure {
  fileprivate var members: [(String, String)] { [("error_code", code.rawValue), ("error", message)] }
}

import Hiredis
public import Workflow

/// What was submitted of a run, as far as it is to be looked at.
public struct SubmittedRun: Sendable {
  /// Its steps.
  public let steps: [StepDefinition]
  /// The beginning of its inputs, as JSON text; nil once it has finished, when they are in its result.
  public let inputs: [UInt8]?
  /// How many bytes the inputs have.
  public let inputBytes: Int
}

extension RunStore {
  /// Reads what was submitted of a run; nil when it is not there, as for a run of format 1.
  /// - Parameter limit: how many bytes of the inputs are read at most.
  public func submission(of id: JobID, inputsUpTo limit: Int) async throws(StoreError) -> SubmittedRun? {
    let replies = try await send([
      ["STRLEN", keys.documents(id)], ["GETRANGE", keys.documents(id), "0", "\(RunDocuments.headBytes - 1)"],
      ["HGET", keys.job(id), "run"],
    ])
    guard let bytes = replies[0].int, let length = RunDocuments.stepBytes(in: replies[1].bytesValue ?? []) else {
      // The steps of a finished run are kept by their digest.
      guard let digest = replies[2].string?.split(separator: " ").dropFirst().first else { return nil }
      let text = try await send(["GET", keys.definition(String(digest))]).bytesValue
      return text.flatMap(Self.definition).map { SubmittedRun(steps: $0, inputs: nil, inputBytes: 0) }
    }
    let end = RunDocuments.headBytes + length
    let text = try await submitted(of: id, bytes: min(bytes, end + limit))
    guard let steps = RunDocuments.steps(in: text).flatMap(Self.definition) else { return nil }
    return SubmittedRun(steps: steps, inputs: Array(text.dropFirst(end)), inputBytes: max(0, bytes - end))
  }

  /// Reads the heads of the log's first entries, however large these are.
  /// - Parameter entries: how many.
  public func logHeads(of id: JobID, entries: Int) async throws(StoreError) -> [ProgressHead?] {
    try await heads(of: id, count: entries)
  }
}

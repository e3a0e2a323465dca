public import ExactJSON

/// What an operation records of parts of its step, while the step runs: what was paid for is not lost with the attempt.
///
/// Only an operation whose ``Operation/recordsParts`` is true has its parts recorded.
public struct StepParts: Sendable {
  /// Records a part; returns why it cannot be recorded.
  public typealias Recorder =
    @Sendable (_ number: Int, _ total: Int, _ outputs: JSONObject) async -> StepError?

  /// The recorded parts by their numbers, those of earlier attempts and workers included. What they mean is up to the
  /// operation, which may have made them from other parameters, of another version or before a change of settings.
  public let known: [Int: JSONObject]
  private let recorder: Recorder?

  /// Parts of a step.
  /// - Parameter recorder: nil where nothing is recorded.
  public init(known: [Int: JSONObject] = [:], recorder: Recorder? = nil) {
    self.known = known
    self.recorder = recorder
  }

  /// The same parts with a recorder.
  public func recording(by recorder: @escaping Recorder) -> StepParts { StepParts(known: known, recorder: recorder) }

  /// Records a part, and returns when it is recorded: no crash loses it from then on.
  /// - Parameters:
  ///   - number: of the part, from 0; a part that is recorded again takes the place of the earlier one.
  ///   - total: how many parts there are, as far as is known, for the progress log.
  ///   - outputs: what is to be known of it.
  /// - Throws: `output_too_large` when the run has no room; `cancelled` in a cancelled task.
  public func record(_ number: Int, of total: Int, _ outputs: JSONObject) async throws(StepError) {
    if let error = await recorder?(number, total, outputs) { throw error }
  }
}

/// A name of some texts: 16 hexadecimal digits (FNV-1a, 64 bits).
func fingerprint(_ texts: [String]) -> String {
  var hash: UInt64 = 0xcbf2_9ce4_8422_2325
  for text in texts {
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    // No text has this byte.
    hash = (hash ^ 0xff) &* 0x100_0000_01b3
  }
  let digits = String(hash, radix: 16)
  return String(repeating: "0", count: 16 - digits.utf8.count) + digits
}

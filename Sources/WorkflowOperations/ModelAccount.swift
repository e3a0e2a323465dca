public import Workflow

/// Through which an attempt of a step makes its calls of models: the limits and budgets that all workers share, and
/// what the calls have used.
public protocol ModelAccount: Sendable {
  /// A call of a model that is to be made, without limits.
  /// - Parameter part: distinguishes the calls that an attempt makes; the same in each attempt.
  func call(of model: String, part: String?) -> ModelCall

  /// Asks whether a call may begin, and waits where that is a matter of a moment.
  /// - Throws: `cancelled`; `failed` where Redis refuses to say.
  func admit(_ call: ModelCall) async throws(StepError) -> ModelAdmission

  /// The answer that an earlier call to the same question got; nil where there is none, or Redis is away.
  func answer(to question: [UInt8]) async -> [UInt8]?

  /// Keeps an answer for later calls to the same question, for some seconds.
  func keep(_ answer: [UInt8], to question: [UInt8], seconds: Int) async

  /// Records the end of a call that was admitted.
  func end(_ call: ModelCall, _ end: ModelCallEnd) async
}

/// What became of everything that was accepted.
struct Verdict: Sendable {
  /// Runs that finished, with the result that was expected.
  var finished = 0
  /// Runs that failed because they had to.
  var failedByDesign = 0
  /// Healthy runs that failed, by error code.
  var failedOtherwise: [String: Int] = [:]
  /// What is not there: a sentence each.
  var lost: [String] = []
  /// Accepted runs that went with what Redis lost, as they may.
  var gone = 0
  /// What happened twice.
  var duplicated: [String] = []
  /// What is there, but wrong.
  var wrong: [String] = []
  /// What workers found broken in Redis, and repaired: nothing that wf does should need it.
  var repairs: [String: Int] = [:]
  /// Runs that were taken from workers that were neither dead nor paused, an outage of Redis notwithstanding.
  var robbed: [String] = []
  /// Calls that the model got.
  var calls = 0
  /// Those among them that were made before: the model failed, or the answer was not recorded.
  var repeatedCalls = 0
  /// Calls after the recording, made by a worker just back from a pause that did not know yet: nothing can prevent
  /// them, the provider knows them by their `Idempotency-Key`.
  var lateCalls = 0
}

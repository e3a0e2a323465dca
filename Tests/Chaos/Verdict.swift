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
  /// Runs that were cancelled, as somebody wanted.
  var cancelled = 0
  /// Generations that were cancelled, and those that were opened by retries and reruns.
  var cancels = 0
  var reopenings = 0
  /// What was written, or paid for, after a cancel.
  var afterCancel: [String] = []
  /// Runs of schedules, and ticks that were left out.
  var ticks = 0
  var skippedTicks = 0
  /// Callbacks that came, and those among them that had come before.
  var callbacks = 0
  var repeatedCallbacks = 0
  /// What is known of some of the runs that are named in a sentence.
  var histories: [String] = []
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

import Workflow

/// The failure of a step or an item whose operation was not called: its condition, its array or its parameters had no
/// value, or its call never had its turn. It counts as an attempt that took no time.
struct FailedStart: Sendable, Equatable {
  let step: String
  let item: Int?
  let operation: String
  /// The number of the attempt, from 1.
  let attempt: Int
  let failure: StepFailure
}

extension RunProgress {
  /// Fails a step or an item whose attempt could not begin.
  mutating func failStart(_ unit: Unit, _ failure: StepFailure) {
    noteFailedStart(unit, failure)
    fail(unit, failure, isImmediate: true)
  }

  /// Notes that a step or an item fails without a call of its operation.
  mutating func noteFailedStart(_ unit: Unit, _ failure: StepFailure) {
    let step = step(unit.position)
    failedStarts.append(
      FailedStart(
        step: step.id, item: unit.item, operation: step.op, attempt: (earlier(unit)?.failed ?? 0) + 1, failure: failure)
    )
  }

  /// Notes that a step fails which has waited for its next attempt. Its failed attempts are known; that it has waited
  /// for its turn alone is not.
  mutating func noteUnattempted(_ position: Position) {
    guard let known = attempts[position], known.failed == 0 else { return }
    noteFailedStart(Unit(position: position), known.failure)
  }

  /// Hands out the failures since the last call that no attempt had.
  mutating func takeFailedStarts() -> [FailedStart] {
    if failedStarts.isEmpty { return [] }
    defer { failedStarts = [] }
    return failedStarts
  }
}

import ExactJSON
import Workflow

extension JSONValue {
  /// The sum of two counts of tokens as providers write them: numbers of the same place are added, and what one of them
  /// alone has is kept. Of anything else the later one counts.
  func adding(_ later: JSONValue) -> JSONValue {
    switch (self, later) {
    case (_, .null): return self
    case (.number(let one), .number(let two)):
      if let one = one.int, let two = two.int, case let (sum, overflow) = one.addingReportingOverflow(two), !overflow {
        return .number(JSONNumber(sum))
      }
      let sum = one.double + two.double
      return sum.isFinite ? JSONNumber(text: "\(sum)").map { .number($0) } ?? later : later
    case (.object(let one), .object(let two)):
      return .object(two.members.reduce(into: one) { $0[$1.key] = $0[$1.key]?.adding($1.value) ?? $1.value })
    default: return later
    }
  }
}

extension StepError {
  /// The error with the tokens of an earlier call of the same attempt.
  func adding(usage: JSONValue) -> StepError {
    guard case .failed(let failure) = self else { return self }
    var details = failure.details
    details.usage = usage.adding(details.usage)
    return .failed(StepFailure(failure.code, failure.message, details))
  }
}

/// The result of one check of `wf doctor`.
struct CheckResult: Sendable, Equatable {
  enum Outcome: String, Sendable {
    case ok = "ok"
    /// wf works, but is not set up as production needs.
    case warning = "warning"
    /// wf does not work.
    case failed = "FAILED"
  }

  let outcome: Outcome
  /// What was seen.
  let what: String
  /// What to do about it.
  var remedy: String?

  /// The check found nothing to do.
  static func ok(_ what: String) -> CheckResult { CheckResult(outcome: .ok, what: what) }

  /// wf works, but something will fail under load or after an incident.
  static func warning(_ what: String, remedy: String) -> CheckResult {
    CheckResult(outcome: .warning, what: what, remedy: remedy)
  }

  /// wf does not work until this is corrected.
  static func failed(_ what: String, remedy: String) -> CheckResult {
    CheckResult(outcome: .failed, what: what, remedy: remedy)
  }

  /// The result on a line, its remedy on the next.
  var text: String {
    let mark = outcome.rawValue + String(repeating: " ", count: 8 - outcome.rawValue.count)
    return "\(mark) \(what)" + (remedy.map { "\n         → \($0)" } ?? "")
  }
}

/// One thing that `wf doctor` looked at.
struct Finding: Sendable, Equatable {
  /// How it stands.
  enum Verdict: String, Sendable {
    case fine = "ok"
    /// wf works, but not as it should in production.
    case doubtful = "warning"
    /// wf does not work.
    case broken = "FAILED"
  }

  let verdict: Verdict
  /// What was seen.
  let what: String
  /// What to do about it.
  var remedy: String?

  /// Something that is as it should be.
  static func fine(_ what: String) -> Finding { Finding(verdict: .fine, what: what) }

  /// Something that will hurt one day.
  static func doubtful(_ what: String, remedy: String) -> Finding {
    Finding(verdict: .doubtful, what: what, remedy: remedy)
  }

  /// Something that hurts now.
  static func broken(_ what: String, remedy: String) -> Finding {
    Finding(verdict: .broken, what: what, remedy: remedy)
  }

  /// The finding on a line, its remedy on the next.
  var text: String {
    let mark = verdict.rawValue + String(repeating: " ", count: 8 - verdict.rawValue.count)
    return "\(mark) \(what)" + (remedy.map { "\n         → \($0)" } ?? "")
  }
}

import ExactJSON
import Synchronization

/// What the clients were told.
final class Ledger: Sendable {
  /// A run that the API has accepted.
  struct Accepted: Sendable {
    /// Its job's id.
    let id: String
    /// What was posted.
    let workflow: JSONValue
  }

  /// All that was told so far.
  struct Entries: Sendable {
    /// The runs, each once.
    var accepted: [Accepted] = []
    /// Answers by status.
    var answers: [Int: Int] = [:]
    /// Requests without an answer: refused, broken off, too late.
    var unanswered = 0
    /// A repeat with the same key that brought another id.
    var contradictions: [String] = []
    /// Answers that no client should get, and requests that were never accepted.
    var surprises: [String] = []
  }

  private let state = Mutex(Entries())

  /// All that was told so far.
  var entries: Entries { state.withLock { $0 } }

  /// Notes something.
  func note(_ edit: (inout Entries) -> Void) { state.withLock { edit(&$0) } }
}

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
    /// When the client was told, by this host's clock.
    let time: Double
  }

  /// All that was told so far.
  struct Entries: Sendable {
    /// The runs, each once.
    var accepted: [Accepted] = []
    /// Answers by status.
    var answers: [Int: Int] = [:]
    /// Requests without an answer: refused, broken off, too late.
    var unanswered = 0
    /// Runs whose key brought another id when it was repeated, and what then.
    var contradictions: [(run: Accepted, sentence: String)] = []
    /// Answers that no client should get, and requests that were never accepted.
    var surprises: [String] = []
  }

  private let state = Mutex(Entries())

  /// All that was told so far.
  var entries: Entries { state.withLock { $0 } }

  /// Notes something.
  func note(_ edit: (inout Entries) -> Void) { state.withLock { edit(&$0) } }
}

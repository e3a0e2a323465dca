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
    /// Since when it may be there; of a tick's run, since its schedule may be there.
    let since: Double

    init(id: String, workflow: JSONValue, time: Double, since: Double? = nil) {
      (self.id, self.workflow, self.time, self.since) = (id, workflow, time, since ?? time)
    }

    /// Which runs it is steered with; nil when it is steered alone.
    var batch: String? { workflow.objectValue?["labels"]?.objectValue?["batch"]?.stringValue }

    /// The ids of its steps.
    var steps: [String] {
      (workflow.objectValue?["steps"]?.arrayValue ?? []).compactMap { $0.objectValue?["id"]?.stringValue }
    }
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
    /// Requests that steer a run, by its id, each list in the order of the answers.
    var steered: [String: [Steering]] = [:]
    /// Requests that steer all runs of a batch: what they say of no run in particular.
    var swept: [String: [Steering]] = [:]
    /// Requests for all runs of a batch of which only the names were asked for.
    var dryRuns = 0
    /// Requests that resume all paused runs.
    var resumptions: [Steering] = []
    /// The schedules, by name.
    var ticking: [String: Ticking] = [:]

    /// All requests that may have steered a run, in the order in which they were sent.
    func steerings(of run: Accepted) -> [Steering] {
      let swept = run.batch.flatMap { self.swept[$0] } ?? []
      return ((steered[run.id] ?? []) + swept + resumptions).sorted { $0.sent < $1.sent }
    }
  }

  private let state = Mutex(Entries())

  /// All that was told so far.
  var entries: Entries { state.withLock { $0 } }

  /// Notes something.
  func note(_ edit: (inout Entries) -> Void) { state.withLock { edit(&$0) } }

  /// Looks at what was told, without a copy.
  func read<Result: Sendable>(_ look: (Entries) -> Result) -> Result { state.withLock { look($0) } }
}

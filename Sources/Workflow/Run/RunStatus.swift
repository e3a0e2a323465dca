/// The status of a run. `finished`, `failed` and `cancelled` are terminal: nothing is written after them.
public enum RunStatus: String, Sendable, Equatable, CaseIterable {
  /// Waits for a worker.
  case queued
  /// A worker holds it.
  case started
  /// Every step is done; the result is there.
  case finished
  /// A step failed; `error` says why.
  case failed
  /// Someone stopped it.
  case cancelled

  /// Whether nothing more happens to the run.
  public var isTerminal: Bool {
    switch self {
    case .finished, .failed, .cancelled: true
    case .queued, .started: false
    }
  }
}

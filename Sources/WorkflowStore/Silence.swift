import Synchronization

/// What is known of a server that leaves calls without an answer although its connection counts as established: it
/// hangs, or is cut off.
final class Silence: Sendable {
  private struct State {
    /// Since when the call has been in flight that is timed.
    var sentAt: ContinuousClock.Instant?
    /// When a call was last given up without an answer, and none has been answered since.
    var givenUpAt: ContinuousClock.Instant?
  }

  /// How long a call may be without an answer before others keep away: longer than a call that waits for replicas
  /// (``RunStore/replicaTime``), or submissions would go elsewhere while the server is well.
  private static let patience = Duration.milliseconds(1_500)
  /// How long they do so after a call that had none: by then the connection counts as lost, or is well again.
  private static let pause = Duration.seconds(10)

  private let state = Mutex(State())

  /// Whether the call in flight has had no answer for a while, or an earlier one had none.
  var isNoted: Bool {
    state.withLock { state in
      let isWaiting = state.sentAt.map { .now - $0 > Self.patience } ?? false
      return isWaiting || state.givenUpAt.map { .now - $0 < Self.pause } ?? false
    }
  }

  /// A call that is timed goes out, the only one at a time; or none does.
  func time(_ isInFlight: Bool) { state.withLock { $0.sentAt = isInFlight ? .now : nil } }

  /// Notes the outcome of a call.
  func note(_ outcome: Result<Void, StoreError>) {
    state.withLock { state in
      if case .failure(let error) = outcome, !error.isAnswer { state.givenUpAt = .now } else { state.givenUpAt = nil }
    }
  }
}

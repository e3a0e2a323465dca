import WorkflowStore

/// Decides whether a worker may take lapsed leases: only after the same Redis has answered, as primary and without a
/// gap, for one whole lease of monotonic time. Every live worker has then had the time to renew its leases after an
/// outage of Redis or a step of its clock.
struct RecoveryWatch {
  /// The lease.
  let lease: Duration
  private var server: String?
  private var since: ContinuousClock.Instant?
  private var last: ContinuousClock.Instant?
  /// When Redis answered first since leases were taken last.
  private var waitingSince: ContinuousClock.Instant?

  init(lease: Duration) { self.lease = lease }

  /// Restarts the wait, because Redis refused a turn or its clock stepped: heartbeats may have been refused too, or
  /// were sent before the step.
  mutating func restart() { server = nil }

  /// Whether the wait has been restarted so often that it may never end.
  func isOverdue(at now: ContinuousClock.Instant) -> Bool { waitingSince.map { now - $0 > lease * 3 } ?? false }

  /// Handles an answer of Redis to a regular question for its identity.
  /// - Parameter identity: nil when Redis did not answer.
  /// - Returns: whether lapsed leases may be taken now.
  mutating func observe(_ identity: ServerIdentity?, at now: ContinuousClock.Instant) -> Bool {
    guard let identity, identity.isPrimary else {
      server = nil
      return false
    }
    // After a gap: this process, or the whole host, did not run, and neither may the other workers have.
    let gap = last.map { now - $0 } ?? .zero
    if server != identity.runID || gap > max(lease / 2, .seconds(3)) { since = now }
    server = identity.runID
    last = now
    waitingSince = waitingSince ?? now
    guard let since, now - since >= lease else { return false }
    waitingSince = nil
    return true
  }
}

import WorkflowStore

/// Decides whether lapsed leases may be taken: only after the same Redis has answered, as primary and without a gap, for
/// one whole lease of monotonic time. After an outage, or a step of Redis's clock, every living worker has then had the
/// time to renew its leases.
struct RecoveryWatch {
  /// The lease.
  let lease: Duration
  private var server: String?
  private var since: ContinuousClock.Instant?
  private var last: ContinuousClock.Instant?
  /// Since when Redis has answered without leases having been taken.
  private var waitingSince: ContinuousClock.Instant?

  init(lease: Duration) { self.lease = lease }

  /// Restarts the wait: Redis refused a turn, or its clock stepped. Heartbeats may have been refused too, or came before
  /// the step.
  mutating func restart() { server = nil }

  /// Whether the wait has restarted so often that it cannot be said to come to an end.
  func isOverdue(at now: ContinuousClock.Instant) -> Bool { waitingSince.map { now - $0 > lease * 3 } ?? false }

  /// Notes what Redis answered at an instant; nil when it did not.
  /// - Returns: whether lapsed leases may be taken now.
  mutating func observe(_ identity: ServerIdentity?, at now: ContinuousClock.Instant) -> Bool {
    guard let identity, identity.isPrimary else {
      server = nil
      return false
    }
    // A gap means that this process, or the whole host, stood still: the others may have too.
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

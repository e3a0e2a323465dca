import Synchronization

/// When Redis has lost what it wrote last, and what that may have cost.
final class Losses: Sendable {
  /// One loss: what was written between the two times is gone.
  struct Loss: Sendable {
    /// From when on, by this host's clock.
    let start: Double
    /// Until when.
    let end: Double
    /// The runs that were queued or started at the start.
    let live: Set<String>
  }

  private let losses = Mutex<[Loss]>([])

  /// Notes a loss.
  func note(_ loss: Loss) { losses.withLock { $0.append(loss) } }

  /// Whether a run that a client was told of at a time may be gone. The answer may have come a little late.
  func mayHaveLost(_ run: Ledger.Accepted) -> Bool {
    losses.withLock { $0.contains { run.time >= $0.start && run.time <= $0.end + 10 } }
  }

  /// Whether Redis may have forgotten an end of the run, or who holds it: then its lease lapses although its worker
  /// lives.
  func mayHaveReopened(_ run: Ledger.Accepted) -> Bool {
    losses.withLock { losses in
      losses.contains { $0.live.contains(run.id) || run.time >= $0.start - 1 && run.time <= $0.end + 10 }
    }
  }
}

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

  /// Whether there was one.
  var happened: Bool { losses.withLock { !$0.isEmpty } }

  /// Whether a run that a client was told of at a time may be gone. The answer may have come a little late.
  func mayHaveLost(_ run: Ledger.Accepted) -> Bool {
    losses.withLock { $0.contains { run.time >= $0.start && run.since <= $0.end + 10 } }
  }

  /// Whether what was written for a client between two times may be gone.
  func mayHaveLost(from sent: Double, to answered: Double) -> Bool {
    losses.withLock { $0.contains { answered >= $0.start && sent <= $0.end } }
  }

  /// Whether Redis may have forgotten an end of the run, or who holds it: then its lease lapses although its worker
  /// lives.
  func mayHaveReopened(_ run: Ledger.Accepted, _ steerings: [Steering]) -> Bool {
    losses.withLock { losses in
      losses.contains { loss in
        loss.live.contains(run.id) || run.time >= loss.start - 1 && run.since <= loss.end + 10
          || steerings.contains { $0.mayActAfter(loss.start - 1) && $0.sent <= loss.end + 10 }
      }
    }
  }
}

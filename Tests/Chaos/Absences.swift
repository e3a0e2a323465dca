import Synchronization

/// When workers could not renew leases: then others may take their runs, and only then.
final class Absences: Sendable {
  /// A process that was dead, stopping or paused.
  private struct Absence {
    let process: Int32
    let start: Double
    var end = Double.infinity
  }

  /// A host that was cut off from the others.
  fileprivate struct Cut {
    let host: Int
    let start: Double
    var end = Double.infinity
    /// On which host the primary of each partition was before, and at the end for the other hosts.
    let before: [Int?]
    var after: [Int?] = []
  }

  private struct State {
    var absences: [Absence] = []
    var cuts: [Cut] = []
  }

  private let state = Mutex(State())
  /// A lease is renewed three times in its length: as long at least it has not lapsed after a renewal that failed.
  private let rest: Double
  /// How long a process that works again may take to renew its leases.
  private static let start = 1.0
  /// How long it may take to find the primaries again that it could not reach.
  private static let search = 4.0

  /// No absences so far.
  init(lease: Duration) { rest = lease.seconds / 3 }

  /// A process is about to be killed, told to stop, or paused.
  func went(_ process: Int32) {
    state.withLock { $0.absences.append(Absence(process: process, start: WallClock.now)) }
  }

  /// A paused process goes on.
  func came(_ process: Int32) {
    state.withLock { state in
      guard let last = state.absences.lastIndex(where: { $0.process == process }) else { return }
      state.absences[last].end = WallClock.now + Self.start
    }
  }

  /// A host is about to be cut off.
  /// - Parameter primaries: the host of the primary of each partition; nil where that is not known.
  func cutBegan(_ host: Int, primaries: [Int?]) {
    state.withLock { $0.cuts.append(Cut(host: host, start: WallClock.now, before: primaries)) }
  }

  /// The host has its link again.
  /// - Parameter primaries: as the other hosts know them.
  func cutEnded(primaries: [Int?]) {
    state.withLock { state in
      guard let last = state.cuts.indices.last else { return }
      state.cuts[last].end = WallClock.now + Self.search
      state.cuts[last].after = primaries
    }
  }

  /// Whether the worker that a run was taken from could not have renewed its lease.
  /// - Parameters:
  ///   - holder: on which host that worker is.
  ///   - taker: on which host the other one is.
  ///   - partition: the number of the run's partition.
  func excuse(_ taking: Taking, holder: Int?, taker: Int?, partition: Int) -> Bool {
    state.withLock { state in
      let wasAway = state.absences.contains {
        $0.process == taking.process && $0.start <= taking.time && taking.time <= $0.end
      }
      return wasAway
        || state.cuts.contains { cut in
          cut.start + rest <= taking.time && taking.time <= cut.end
            && cut.parts(holder, from: partition, taker)
        }
    }
  }
}

extension Absences.Cut {
  /// Whether a worker could not reach the primary of a partition that another worker could reach.
  fileprivate func parts(_ holder: Int?, from partition: Int, _ taker: Int?) -> Bool {
    guard let holder, let taker, before.indices.contains(partition) else { return false }
    let home = before[partition]
    // It was cut off from the primaries of other hosts, and from the one that took over what its own host had.
    if holder == host {
      return home != host || taker != host && after.indices.contains(partition) && after[partition] != host
    }
    // It was cut off from that host's primary, which the worker of that host could still reach.
    return taker == host && home == host
  }
}

import ModelServer
import Synchronization

/// When the model was called: the server keeps the order of the calls, a look at their number every few milliseconds
/// tells between which two instants each came.
final class CallTimes: Sendable {
  private struct Look {
    /// Calls by then.
    let count: Int
    /// The last instant, by the wall clock, at which there were fewer.
    let after: Double
    /// The instant of the look.
    let until: Double
  }

  private let looks = Mutex<[Look]>([])

  /// Looks until its task is cancelled.
  func watch(_ model: ModelServer) async {
    var last = WallClock.now
    var seen = 0
    while !Task.isCancelled {
      let now = WallClock.now  // read before the number: a call that comes between the two is not dated too early
      let count = model.calls.count
      if count > seen { looks.withLock { $0.append(Look(count: count, after: last, until: WallClock.now)) } }
      seen = count
      last = now
      try? await ContinuousClock().sleep(for: .milliseconds(5))
    }
  }

  /// When a call came, by its place among all calls; nil when it was not watched.
  func time(ofCall index: Int) -> ClosedRange<Double>? {
    looks.withLock { looks in
      var low = 0
      var high = looks.count
      while low < high {
        let middle = (low + high) / 2
        if looks[middle].count > index { high = middle } else { low = middle + 1 }
      }
      return low < looks.count ? looks[low].after...looks[low].until : nil
    }
  }
}

import Synchronization
import SystemHarness

/// How long it takes until the runs of a worker that is dead or paused are back in their queue.
final class Recoveries: Sendable {
  typealias Instant = ContinuousClock.Instant

  /// A run that was taken over.
  struct Sample: Sendable {
    /// The job's id.
    let id: String
    /// The worker that held it.
    let part: String
    /// From the death on.
    let sinceDeath: Duration
    /// From when the contract counts.
    let counted: Duration
    /// Whether that is later than the death: Redis was away, or no worker lived.
    let isExtended: Bool
  }

  private struct State {
    var samples: [Sample] = []
    var returns: [String: [Double]] = [:]
  }

  private let state = Mutex(State())
  private let holdings: Holdings
  private let timeline: Timeline
  /// For how long after an outage of Redis no worker is taken for dead.
  private let grace: Duration
  /// The contract's: a lease and two seconds.
  let bound: Duration

  /// - Parameter isStrict: whether the time counts from the end of an outage of Redis, and not from a lease later.
  init(holdings: Holdings, timeline: Timeline, lease: Duration, isStrict: Bool) {
    self.holdings = holdings
    self.timeline = timeline
    grace = isStrict ? .zero : lease
    bound = lease + .seconds(2)
  }

  /// All runs that were taken over.
  var samples: [Sample] { state.withLock { $0.samples } }

  /// When paused workers went on that had held these runs, by the wall clock: they may have begun a call before they
  /// learnt that their runs are others' now.
  var returns: [String: [Double]] { state.withLock { $0.returns } }

  /// Watches the runs of a worker until each is back in its queue. A claim that was on its way when the worker stopped
  /// may still bring it runs, as soon as Redis takes writes.
  /// - Parameter end: when the worker goes on, if it is paused; it may then still have its runs.
  func follow(_ part: String, _ process: Int32, from death: Instant, until end: Instant? = nil) async {
    let limit = end ?? death + .seconds(60)
    var held: [Holdings.Held] = []
    var isQuiet = false
    while .now < limit, end != nil || !isQuiet {
      let isRedisAway = timeline.isRedisAway
      if let found = try? await holdings.runs(of: process) {
        let new = found.filter { !held.contains($0) }
        note(new, until: end)
        held = await watch(held + new, part, death)
        isQuiet = held.isEmpty && !isRedisAway && .now - death > .seconds(1)
      }
      try? await ContinuousClock().sleep(for: .milliseconds(30))
    }
    for run in held { giveUp(run, part, death, isDead: end == nil) }
  }

  private func note(_ held: [Holdings.Held], until end: Instant?) {
    guard let end else { return }
    let comeback = WallClock.now + (end - .now).seconds
    state.withLock { state in
      for run in held { state.returns[run.id, default: []].append(comeback) }
    }
  }

  /// Looks at every run once; returns those that are still in the worker's hand.
  private func watch(_ held: [Holdings.Held], _ part: String, _ death: Instant) async -> [Holdings.Held] {
    // Of what does not answer nothing is known.
    let fates = try? await concurrently(held) { run in (run, (try? await self.holdings.fate(of: run)) ?? .held) }
    guard let fates else { return held }
    for (run, fate) in fates where fate == .taken { add(run, part, death) }
    return fates.filter { $0.1 == .held }.map(\.0)
  }

  private func add(_ run: Holdings.Held, _ part: String, _ death: Instant) {
    let now = Instant.now
    guard let start = timeline.start(death: death, grace: grace) else { return }
    let sample = Sample(
      id: run.id, part: part, sinceDeath: now - death, counted: max(.zero, now - start), isExtended: start > death)
    state.withLock { $0.samples.append(sample) }
  }

  /// A run that is still in hand when nobody looks any longer: right for a short pause, else too late.
  private func giveUp(_ run: Holdings.Held, _ part: String, _ death: Instant, isDead: Bool) {
    let start = timeline.start(death: death, grace: grace)
    if isDead || start.map({ .now - $0 > bound }) ?? false { add(run, part, death) }
  }
}

extension Duration {
  /// Seconds with their fraction.
  var seconds: Double { self / .seconds(1) }
}

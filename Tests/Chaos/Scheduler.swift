import ExactJSON
import SeededRandom
import SystemHarness

/// Clients that make schedules, let them tick for some seconds, and remove them.
struct Scheduler: Sendable {
  let requests: SteeringRequests
  let ledger: Ledger
  let seed: UInt64
  /// Schedules at the same time.
  private let clients = 3

  /// Makes and removes schedules until an instant.
  func run(until end: ContinuousClock.Instant) async {
    await withTaskGroup { group in
      for client in 0..<clients { group.addTask { await schedule(asClient: client, until: end) } }
    }
  }

  private func schedule(asClient number: Int, until end: ContinuousClock.Instant) async {
    let name = "t\(number)-" + String(seed, radix: 36)
    var generator = SeededGenerator(seed: seed &+ 15_485_863 &+ UInt64(number) &* 7_919)
    var mix = WorkflowMix(seed: generator.next(), name: name, callbackURL: nil)
    var count = 0
    while .now < end {
      count += 1
      await live(next("\(name)-\(count)", mix.next(), &generator), until: end, &generator)
    }
  }

  /// A tick in a second is missed where a machine is busy; so all of them are wanted there.
  private func next(_ name: String, _ workflow: JSONValue, _ generator: inout SeededGenerator) -> Ticking {
    let period = Int.random(in: 1...5, using: &generator)
    let missed = period < 3 ? "all" : ["all", "once", "skip"].randomElement(using: &generator) ?? "all"
    let overlap = missed == "all" ? "allow" : ["allow", "allow", "skip"].randomElement(using: &generator) ?? "allow"
    return Ticking(
      name: name, period: period, missed: missed, overlap: overlap, workflow: workflow, since: WallClock.now)
  }

  private func live(
    _ ticking: Ticking, until end: ContinuousClock.Instant, _ generator: inout SeededGenerator
  ) async {
    var ticking = ticking
    ledger.note { [ticking] in $0.ticking[ticking.name] = ticking }
    if let first = await requests.make(ticking, &generator) {
      ticking.made = first.time
      ticking.looks.append(first)
      let limit = ContinuousClock.now + .milliseconds(Int.random(in: 4_000...20_000, using: &generator))
      try? await ContinuousClock().sleep(until: min(limit, end))
      if let second = await requests.look(at: ticking.name, &generator) {
        if let look = second.look { ticking.looks.append((second.time, look)) } else { ticking.missing = second.time }
      }
    }
    ticking.removed = await requests.remove(ticking.name, &generator) ?? .infinity
    ledger.note { [ticking] in $0.ticking[ticking.name] = ticking }
  }

  /// Removes what is left at the end: what could not be removed, and what a Redis that has lost its newest writes has
  /// again.
  func removeAll() async {
    var generator = SeededGenerator(seed: seed)
    for name in await requests.schedules() ?? [] { _ = await requests.remove(name, &generator) }
  }
}

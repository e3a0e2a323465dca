import Curl
import ExactJSON
import SeededRandom
import SystemHarness
import Synchronization

/// Clients that cancel, pause, resume and run again what others have submitted. No two of them steer the same run at
/// the same time.
struct Steerer: Sendable {
  let requests: SteeringRequests
  let ledger: Ledger
  let seed: UInt64
  /// Clients at the same time; each steers about once a second.
  private let clients = 3
  private let taken = Taken()

  /// What is being steered: ids of runs, and batches.
  private final class Taken: Sendable {
    private let names = Mutex(Set<String>())
    func take(_ name: String) -> Bool { names.withLock { $0.insert(name).inserted } }
    func leave(_ name: String) { names.withLock { _ = $0.remove(name) } }
  }

  /// Steers until an instant.
  func run(until end: ContinuousClock.Instant) async {
    await withTaskGroup { group in
      for client in 0..<clients { group.addTask { await steer(asClient: client, until: end) } }
    }
  }

  private func steer(asClient number: Int, until end: ContinuousClock.Instant) async {
    var generator = SeededGenerator(seed: seed &+ 104_729 &+ UInt64(number) &* 7_919)
    await withDiscardingTaskGroup { group in
      while true {
        try? await ContinuousClock().sleep(for: .milliseconds(Int.random(in: 400...1_200, using: &generator)))
        guard .now < end else { return }
        var own = SeededGenerator(seed: generator.next())
        let kind = Int.random(in: 0..<100, using: &generator)
        // A run that stays paused for seconds keeps no other from being steered.
        group.addTask {
          switch kind {
          case 0..<35: await cancel(&own)
          case 35..<55: await pause(&own)
          case 55..<68: await again(.retry, &own)
          case 68..<85: await again(.rerun, &own)
          default: await sweep(&own)
          }
        }
      }
    }
  }

  // MARK: One run

  /// Has a run to itself while a body steers it.
  private func withRun(
    _ candidates: [Ledger.Accepted], _ generator: inout SeededGenerator,
    _ body: (Ledger.Accepted, inout SeededGenerator) async -> Void
  ) async {
    guard let run = candidates.randomElement(using: &generator), taken.take(run.id) else { return }
    await body(run, &generator)
    taken.leave(run.id)
  }

  /// The runs that were accepted so many seconds ago, but those of batches.
  private func runs(aged age: ClosedRange<Double>) -> [Ledger.Accepted] {
    let now = WallClock.now
    return ledger.read { entries in
      entries.accepted.suffix(3_000).filter { $0.batch == nil && age.contains(now - $0.time) }
    }
  }

  /// Runs that have hardly begun: the youngest of those that take a while.
  private var young: [Ledger.Accepted] {
    let slow = runs(aged: 0...0.7).filter { run in
      let kind = run.workflow.objectValue?["inputs"]?.objectValue?["title"]?.stringValue ?? ""
      return !["quick", "faulty"].contains(kind)
    }
    return slow.sorted { $0.time > $1.time }.prefix(2).map(\.self)
  }

  /// Cancels a young run, and often runs it again.
  private func cancel(_ generator: inout SeededGenerator) async {
    await withRun(young, &generator) { run, generator in
      guard case .done = await requests.steer(.cancel, run, &generator) else { return }
      guard Int.random(in: 0..<3, using: &generator) > 0 else { return }
      await rest(0...2_500, &generator)
      let isRetry = Bool.random(using: &generator)
      _ = await requests.steer(isRetry ? .retry : .rerun, run, &generator)
      if Int.random(in: 0..<4, using: &generator) == 0 { _ = await requests.steer(.cancel, run, &generator) }
    }
  }

  /// Pauses a young run for seconds. It is resumed then, or cancelled, or left until the end of all.
  private func pause(_ generator: inout SeededGenerator) async {
    await withRun(young, &generator) { run, generator in
      guard case .done = await requests.steer(.pause, run, &generator) else { return }
      await rest(500...6_000, &generator)
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<7: _ = await requests.steer(.resume, run, &generator)
      case 7..<9: _ = await requests.steer(.cancel, run, &generator)
      default: break
      }
    }
  }

  /// Runs an older run again. What is retried has failed by design, or was cancelled.
  private func again(_ verb: Steering.Verb, _ generator: inout SeededGenerator) async {
    let cancelled = ledger.read { $0.steered.filter { $0.value.contains { $0.verb == .cancel } } }
    let ended = runs(aged: 2...60).filter {
      verb == .rerun || cancelled[$0.id] != nil || Expectation(of: $0.workflow).errorCode != nil
    }
    await withRun(ended, &generator) { run, generator in
      guard case .done = await requests.steer(verb, run, &generator) else { return }
      guard Int.random(in: 0..<4, using: &generator) == 0 else { return }
      await rest(0...300, &generator)
      _ = await requests.steer(.cancel, run, &generator)
    }
  }

  // MARK: All runs of a batch

  /// Steers all runs of a label, mostly young ones; asks first which they are.
  private func sweep(_ generator: inout SeededGenerator) async {
    let verb: Steering.Verb = [.cancel, .cancel, .pause, .retry].randomElement(using: &generator) ?? .cancel
    let now = WallClock.now
    let ages = verb == .retry ? 3.0...60 : 0...1.5
    let batches = ledger.read { entries in
      Set(entries.accepted.suffix(3_000).filter { ages.contains(now - $0.time) }.compactMap(\.batch))
    }
    guard let batch = batches.sorted().randomElement(using: &generator), taken.take(batch) else { return }
    await requests.ask(verb, batch, &generator)
    // Those of which only the names were asked for remain as they are.
    if Int.random(in: 0..<4, using: &generator) > 0 {
      await requests.sweep(verb, batch, &generator)
      if verb == .pause {
        await rest(500...4_000, &generator)
        await requests.sweep(.resume, batch, &generator)
      }
    }
    taken.leave(batch)
  }

  private func rest(_ milliseconds: ClosedRange<Int>, _ generator: inout SeededGenerator) async {
    try? await ContinuousClock().sleep(for: .milliseconds(Int.random(in: milliseconds, using: &generator)))
  }
}

import ExactJSON
import Logging
import Scheduling
import Workflow
import WorkflowStore

/// Fires the ticks of the schedules of one partition. Every worker has a keeper; a script sees to it that a tick is one
/// run, whichever of them is first.
///
/// A keeper sleeps until the next schedule is due, for a second at most. Once a minute it works out the next times of
/// all schedules again: the data of a zone, or Redis's clock, may have changed.
struct ScheduleKeeper: Sendable {
  private let store: RunStore
  /// The number of the partition, and how many there are.
  private let partition: (number: Int, count: Int)
  private var zones: KnownZones
  private let logger: Logger
  private let outages: OutageLog
  /// When the next times are worked out again.
  private var review = ContinuousClock.now
  /// Why schedules cannot be kept here, by name: logged once for each.
  private var troubles: [String: String] = [:]

  /// - Parameter outages: is notified when Redis does not answer.
  init(
    store: RunStore, partition: (number: Int, count: Int), zones: TimeZoneFolder = .system, outages: OutageLog,
    logger: Logger
  ) {
    self.store = store
    self.partition = partition
    self.zones = KnownZones(zones)
    self.logger = logger
    self.outages = outages
  }

  private static let longestPause = Duration.seconds(1)
  private static let reviewPeriod = Duration.seconds(60)

  /// Keeps the schedules until its task is cancelled.
  mutating func run() async {
    while !Task.isCancelled {
      var pause = Self.longestPause
      do {
        pause = try await turn()
        outages.noteSuccess(in: store)
      } catch {
        outages.note(error, in: store)
      }
      try? await Task.sleep(for: pause)
    }
  }

  /// Fires what is due.
  /// - Returns: how long nothing is due.
  mutating func turn() async throws(StoreError) -> Duration {
    if review <= .now {
      try await reviewAll()
      review = .now + Self.reviewPeriod
    }
    var look = try await store.dueSchedules()
    let start = ContinuousClock.now
    var due = look.schedules
    // All are read before the first is fired, which may change the order.
    var read = look.entries
    while look.isFull {
      look = try await store.dueSchedules(after: read)
      due += look.schedules
      read += look.entries
    }
    var soonest = look.following ?? .max
    for schedule in due.shuffled() where !Task.isCancelled {
      if let next = try await fire(schedule, now: look.now) { soonest = min(soonest, next) }
    }
    guard soonest < Int.max / 1_000_000 else { return Self.longestPause }
    let left = Duration.microseconds(soonest * 1_000_000 - look.clock)
    return min(Self.longestPause, max(.milliseconds(5), left - (.now - start)))
  }

  /// Fires the ticks of a schedule that is due.
  /// - Returns: when it is due next; nil when it is still due, or that is not known.
  private mutating func fire(_ schedule: StoredSchedule, now: Int) async throws(StoreError) -> Int? {
    guard let recorded = schedule.next, let (progress, specification) = progress(of: schedule) else { return nil }
    let due = progress.due(from: recorded, now: now)
    let fires = due.ticks.isEmpty ? [nil] : due.ticks.map(Optional.some)
    var expected = recorded
    for (index, tick) in fires.enumerated() where !Task.isCancelled {
      let next = index + 1 < fires.count ? fires[index + 1] : due.next
      let step = Tick(expected: expected, fire: tick, next: next, left: index == 0 ? due.left : 0)
      switch try await self.step(schedule, step, specification) {
      case .fired, .moved, .skipped: expected = next ?? expected
      case .changed, .early, .waiting, .held, nil: return nil
      }
    }
    return due.next
  }

  /// - Returns: nil when the schedule is damaged.
  private mutating func step(
    _ schedule: StoredSchedule, _ tick: Tick, _ specification: ScheduleSpecification
  ) async throws(StoreError) -> TickOutcome? {
    let outcome: TickOutcome
    do {
      outcome = try await store.step(schedule, tick, overlap: specification.overlap, partition: partition)
    } catch {
      // One schedule that is damaged must not keep the others.
      guard case .damaged(let what) = error else { throw error }
      note(what, of: schedule.name)
      return nil
    }
    switch outcome {
    case .fired(let job):
      logger.debug(
        "a schedule has started a run",
        metadata: ["schedule": "\(schedule.name)", "tick": "\(tick.fire ?? 0)", "job": "\(job)"])
      troubles[schedule.name] = nil
    case .held(let sentence): note(sentence, of: schedule.name)
    case .moved, .skipped, .changed, .early, .waiting: break
    }
    return outcome
  }

  /// Works out the next times of all schedules again.
  private mutating func reviewAll() async throws(StoreError) {
    zones.forget()
    let look = try await store.schedules()
    for schedule in look.schedules where !Task.isCancelled {
      if let recorded = schedule.next, recorded <= look.now { continue }
      guard let (progress, specification) = progress(of: schedule), !specification.isPaused else { continue }
      let next = progress.next(after: look.now, fired: schedule.fired)
      if next == schedule.next { continue }
      let tick = Tick(expected: schedule.next, fire: nil, next: next)
      guard try await step(schedule, tick, specification) == .moved else { continue }
      logger.notice(
        "a schedule is due at another time: the data of its zone, or Redis's clock, have changed",
        metadata: ["schedule": "\(schedule.name)"])
    }
    let names = Set(look.schedules.map(\.name))
    troubles = troubles.filter { names.contains($0.key) }
  }

  /// The times of a schedule, and what it says; nil when this host cannot compute them: other workers may.
  private mutating func progress(of schedule: StoredSchedule) -> (ScheduleProgress, ScheduleSpecification)? {
    guard let value = try? JSONValue(parsing: schedule.specification),
      let specification = ScheduleSpecification(json: value)
    else {
      note("Redis does not hold what wf wrote, or a newer wf has", of: schedule.name)
      return nil
    }
    do {
      return (ScheduleProgress(try specification.schedule(in: &zones), missed: specification.missed), specification)
    } catch {
      note("\(error)", of: schedule.name)
      return nil
    }
  }

  private mutating func note(_ trouble: String, of name: String) {
    guard troubles.updateValue(trouble, forKey: name) != trouble else { return }
    logger.warning("a schedule is left to other workers: \(trouble)", metadata: ["schedule": "\(name)"])
  }
}

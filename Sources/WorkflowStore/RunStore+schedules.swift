import Hiredis
public import Workflow

extension RunStore {
  /// How many schedules a partition may have.
  public static let mostSchedules = 1_000
  /// How many schedules one look at due ones brings.
  private static let page = 100
  /// How many fired ticks a schedule remembers.
  static let rememberedTicks = 16

  /// Reads the schedules that are due, 100 at most.
  /// - Parameter skip: how many of them are left out, the first ones.
  public func dueSchedules(after skip: Int = 0) async throws(StoreError) -> ScheduleLook {
    try await look("due", "\(skip)", limit: Self.page)
  }

  /// Reads all schedules.
  public func schedules() async throws(StoreError) -> ScheduleLook {
    try await look("all", "0", limit: Self.mostSchedules)
  }

  /// Reads one schedule, with the run as it was submitted.
  public func schedule(named name: String) async throws(StoreError) -> ScheduleLook {
    try await look("one", name, limit: 1)
  }

  private func look(_ what: String, _ which: String, limit: Int) async throws(StoreError) -> ScheduleLook {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(what)
    arguments.append(which)
    arguments.append(limit)
    let reply = try await evaluate(Scripts.schedules, [keys.schedules], arguments)
    guard let parts = reply.array, parts.count >= 2, let clock = parts[0].int else {
      throw Self.damaged(Scripts.schedules, reply)
    }
    let entries = parts.dropFirst(2)
    return ScheduleLook(
      clock: clock, following: parts[1].int, schedules: entries.compactMap { StoredSchedule($0) },
      entries: entries.count, isFull: entries.count == limit)
  }

  /// Creates a schedule, or replaces the one of its name. Safe to send twice.
  public func put(_ schedule: ScheduleSubmission) async throws(StoreError) -> ScheduleAnswer {
    var arguments = RedisArguments()
    arguments.reserveCapacity(schedule.run.size + schedule.body.count + 1_024)
    arguments.append(keys.prefix)
    arguments.append(schedule.name)
    arguments.append(JobID().description)
    arguments.append(Self.mostSchedules)
    arguments.append(schedule.specification)
    arguments.append(schedule.rule)
    arguments.append(Self.text(schedule.next))
    for word in schedule.run.words(asClass: 1) { arguments.append(word) }
    arguments.append(RunClasses.text(of: schedule.run.requirements))
    arguments.append(schedule.body)
    arguments.append(schedule.run.options.isEmpty ? "" : schedule.run.options.lines)
    let reply = try await evaluateSafely(Scripts.schedule, [keys.schedules], arguments)
    guard let answer = reply.string.flatMap(ScheduleAnswer.init(rawValue:)) else {
      throw Self.damaged(Scripts.schedule, reply)
    }
    return answer
  }

  /// Removes a schedule.
  /// - Returns: whether there was one.
  public func removeSchedule(named name: String) async throws(StoreError) -> Bool {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(name)
    return try await evaluateSafely(Scripts.unschedule, [keys.schedules], arguments).int == 1
  }

  /// Takes a schedule from one of its times to the next, and starts the run of a tick: one run, however many workers do
  /// so, and how often.
  /// - Parameters:
  ///   - overlap: what becomes of the tick while the run of the last one has not ended.
  ///   - partition: the number of this partition, and how many there are: the run's id is in it.
  public func step(
    _ schedule: StoredSchedule, _ tick: Tick, overlap: OverlapPolicy, partition: (number: Int, count: Int)
  ) async throws(StoreError) -> TickOutcome {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(schedule.name)
    arguments.append(schedule.generation)
    arguments.append(Self.text(tick.expected))
    arguments.append(tick.fire.map { "\($0)" } ?? "")
    arguments.append(Self.text(tick.next))
    arguments.append(tick.left)
    arguments.append(overlap.rawValue)
    arguments.append(partition.number)
    arguments.append(partition.count)
    arguments.append(Self.rememberedTicks)
    arguments.append(limits.retain)
    if tick.fire != nil { CommitPoint.beforeTick.pass() }
    let reply = try await evaluate(Scripts.tick, [keys.schedules], arguments)
    guard let words = reply.array?.map({ $0.string ?? "" }), let outcome = TickOutcome(words) else {
      throw Self.damaged(Scripts.tick, reply)
    }
    if case .fired = outcome { CommitPoint.afterTick.pass() }
    return outcome
  }

  /// A time as scripts take it.
  private static func text(_ time: Int?) -> String { time.map { "\($0)" } ?? "inf" }
}

extension TickOutcome {
  /// Reads an answer of tick.lua; nil when it is none.
  fileprivate init?(_ words: [String]) {
    switch words.first {
    case "fired":
      guard words.count == 2, let job = JobID(words[1]) else { return nil }
      self = .fired(job)
    case "moved": self = .moved
    case "skipped": self = .skipped
    case "changed": self = .changed
    case "early": self = .early
    case "waiting": self = .waiting
    case "held": self = .held(words.last ?? "")
    default: return nil
    }
  }
}

extension StoredSchedule {
  /// Reads an entry of schedules.lua; nil when no schedule is there.
  fileprivate init?(_ reply: RedisReply) {
    guard let words = reply.array, words.count >= 10, let name = words[0].string, let generation = words[1].string,
      let specification = words[2].bytesValue, let next = words[3].string, let runName = words[6].string,
      let createdAt = words[7].bytesValue
    else { return nil }
    self.init(
      name: name, generation: generation, specification: specification, next: Int(next),
      fired: (words[4].string ?? "").split(separator: " ").compactMap { Int($0) },
      job: words[5].string.flatMap { JobID($0) }, runName: runName, createdAt: createdAt, runs: words[8].int ?? 0,
      skipped: words[9].int ?? 0, body: words.count > 10 ? words[10].bytesValue : nil)
  }
}

extension Partitions {
  /// Reads the schedules of each partition.
  public func schedules() async throws(StoreError) -> [ScheduleLook] {
    try await gather { _, store throws(StoreError) in try await store.schedules() }
  }
}

import Glibc
import Hiredis
import SeededRandom
import SystemHarness

/// Causes faults, several at a time, but never two in one part: a part that has come back is left alone for two
/// seconds.
actor Faults {
  let stack: Stack
  let processes: Processes
  let site: Site
  private let holdings: Holdings
  let timeline: Timeline
  let clock: ClockSteps
  let losses: Losses
  let recoveries: Recoveries
  let absences: Absences
  private var plan: FaultPlan
  /// Chooses a primary.
  var generator: SeededGenerator
  var troubled = Set<String>()
  /// The process that each part is known to have.
  private var known: [String: Int32] = [:]
  /// How many of which kind there were.
  private(set) var counts: [String: Int] = [:]
  /// When each began, by this host's clock, and its kind.
  private(set) var history: [String] = []
  /// How long it took after each harm of a primary until one took writes.
  var failovers: [Duration] = []
  /// What went wrong of itself.
  private(set) var surprises: [String] = []

  init(
    _ stack: Stack, _ site: Site, seed: UInt64, timeline: Timeline, recoveries: Recoveries, absences: Absences,
    clock: ClockSteps, losses: Losses
  ) {
    self.absences = absences
    self.site = site
    self.clock = clock
    self.losses = losses
    self.stack = stack
    self.timeline = timeline
    self.recoveries = recoveries
    processes = Processes(stack: stack)
    holdings = Holdings(stack: stack)
    plan = FaultPlan(site, seed: seed)
    generator = SeededGenerator(seed: seed &+ 1)
  }

  /// Causes faults until an instant; returns once all parts run again.
  func run(until end: ContinuousClock.Instant) async {
    for part in site.parts {
      known[part] = processes.id(of: part)
      if isWorker(part) { timeline.workerCame(part) }
    }
    await withTaskGroup { group in
      while true {
        await rest(plan.pause())
        guard .now < end else { break }
        guard let fault = plan.fault(sparing: troubled) else { continue }
        troubled.insert(fault.part)
        group.addTask { await self.cause(fault) }
      }
    }
    for part in site.parts { expectKnown(part, processes.id(of: part)) }
  }

  private func cause(_ fault: Fault) async {
    switch fault {
    case .kill(let part): await end(part, by: SIGKILL, fault)
    case .terminate(let part): await end(part, by: SIGTERM, fault)
    case .pause(let part, let time): await pause(part, for: time, fault)
    case .dropClients(let type): await dropClients(type, fault)
    case .holdClients(let mode, let time):
      timeline.redisWent()
      await command(["CLIENT", "PAUSE", "\(Int(time.seconds * 1_000))", mode], fault)
      await rest(time)
      await redisAnswers()
    case .stepClock(let seconds): await stepClock(by: seconds, fault)
    case .failOver: await failOver(fault)
    case .loseLastSecond: await loseLastSecond(fault)
    case .revoke(let rights, let time): await revoke(rights, for: time, fault)
    case .harm(let harm): if let topology = site.topology { await self.harm(topology, harm, fault) }
    case .change(let change): if let topology = site.topology { await self.change(topology, change, fault) }
    }
    troubled.remove(fault.part)
  }

  // MARK: Processes

  /// - Parameter prepare: called just before.
  func end(
    _ part: String, by signal: Int32, _ fault: Fault, prepare: (Int32) async -> Bool = { _ in true }
  ) async {
    guard let id = await victim(part), await prepare(id) else { return }
    count(fault)
    went(part)
    absences.went(id)
    processes.send(signal, to: id, of: part)
    async let followed: Void = follow(part, id, isKilled: signal == SIGKILL)
    if part != "nginx-worker" {
      guard let next = await processes.successor(of: id, as: part) else {
        surprises.append("\(part) did not come back after \(fault.kind)")
        return await followed
      }
      known[part] = next
    }
    await came(part)
    // What a worker could not hand back, because Redis was away, it leaves to others, too.
    if signal == SIGTERM && isWorker(part) { await recoveries.follow(part, id, from: .now) }
    await rest(.seconds(2))
    await followed
  }

  /// A worker that is told to stop hands its runs back; a killed one leaves them to others.
  private func follow(_ part: String, _ id: Int32, isKilled: Bool) async {
    if isKilled && isWorker(part) { await recoveries.follow(part, id, from: .now) }
  }

  private func pause(_ part: String, for time: Duration, _ fault: Fault) async {
    guard let id = await victim(part) else { return }
    count(fault)
    went(part)
    absences.went(id)
    processes.send(SIGSTOP, to: id, of: part)
    let start = ContinuousClock.now
    if isWorker(part) { await recoveries.follow(part, id, from: start, until: start + time) }
    try? await ContinuousClock().sleep(until: start + time)
    processes.send(SIGCONT, to: id, of: part)
    absences.came(id)
    await came(part)
  }

  /// The process that is to suffer; nil where there is none, and for a worker with a run that has one life left: that
  /// run would fail, as it should, but here only runs that are faulty themselves may.
  func victim(_ part: String) async -> Int32? {
    let id = processes.id(of: part)
    expectKnown(part, id)
    guard let id else { return nil }
    guard isWorker(part), let held = try? await holdings.runs(of: id) else { return id }
    return held.contains { $0.crashes >= 2 } ? nil : id
  }

  private func expectKnown(_ part: String, _ id: Int32?) {
    guard part != "nginx-worker", known[part] != id else { return }
    surprises.append("\(part) was process \(known[part] ?? 0), and is \(id ?? 0) now")
    known[part] = id
  }

  // MARK: Parts

  private func went(_ part: String) {
    if isWorker(part) { timeline.workerWent(part) }
    if part == "redis" { timeline.redisWent() }
  }

  private func came(_ part: String) async {
    if isWorker(part) { timeline.workerCame(part) }
    if part == "redis" { await redisAnswers() }
  }

  func redisAnswers() async {
    if await !processes.redisAnswers() { surprises.append("Redis did not answer for a minute") }
    timeline.redisCame()
  }

  /// Redis stands still for a moment first, so that it carries out what has come meanwhile and drops the answers.
  private func dropClients(_ type: String, _ fault: Fault) async {
    guard let id = processes.id(of: "redis") else { return }
    processes.send(SIGSTOP, to: id, of: "redis")
    await rest(.milliseconds(200))
    async let dropped: Void = command(["CLIENT", "KILL", "TYPE", type], fault)
    await rest(.milliseconds(50))
    processes.send(SIGCONT, to: id, of: "redis")
    await dropped
    await rest(.seconds(1))
  }

  private func command(_ words: [String], _ fault: Fault) async {
    count(fault)
    await send(words)
  }

  /// Sends a command, whatever comes of it.
  func send(_ words: [String]) async {
    var arguments = RedisArguments()
    for word in words { arguments.append(word) }
    _ = try? await stack.redis.send(arguments, timeout: .seconds(5))
  }

  /// Notes what should not have happened.
  func surprise(_ sentence: String) { surprises.append(sentence) }

  private func isWorker(_ part: String) -> Bool { part.hasPrefix("worker-") }

  func count(_ fault: Fault) {
    counts[fault.kind, default: 0] += 1
    note(fault.part == "redis" ? fault.kind : "\(fault.kind): \(fault.part)")
  }

  /// Notes what happens now.
  func note(_ sentence: String) { history.append("\(WallClock.now) \(sentence)") }

  func rest(_ time: Duration) async { try? await ContinuousClock().sleep(for: time) }
}

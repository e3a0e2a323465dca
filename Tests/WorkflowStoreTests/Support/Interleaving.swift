import Dispatch
import Hiredis
import SeededRandom
import Workflow
import WorkflowStore

/// One run, and a random order of the calls that clients, workers and recoverers may send of it: late, repeated, and by
/// workers that have lost it. Each answer is compared with the model's.
///
/// Each interleaving draws how often each call and each kind of record comes, some never, so that rare sequences such
/// as three crashes in a row come up (Groce et al., "Swarm testing", ISSTA 2012).
struct Interleaving {
  /// An answer or a state that the model does not predict.
  struct Mismatch: Error, CustomStringConvertible {
    let description: String
  }

  private enum Action: CaseIterable {
    case submit, claim, claimAgain, record, recordAgain, lapse, beat, reconcile
  }

  private struct Sent {
    let record: RunModel.Record
    let batch: PendingBatch
  }

  private let id = JobID()
  private let prefix: String
  private let store: RunStore
  private let redis: RedisConnection
  private let classes = RunClasses(["note"])
  private var generator: SeededGenerator
  /// What is done next is drawn from here; what comes often is here often.
  private let actions: [Action]
  private let kinds: [RunModel.Record.Kind]
  private var model = RunModel()
  private var clock: String?
  private var history: [String] = []
  /// The number of each worker's last claim.
  private var claims = ["a": 1, "b": 1]
  /// What the workers were given, the newest last, and how many records were made of each.
  private var held: [(worker: String, run: ClaimedRun, records: Int)] = []
  private var sent: [Sent] = []

  init(_ number: Int, seed: UInt64, redis: RedisConnection) {
    prefix = "i\(number):"
    self.redis = redis
    store = RunStore(redis, keys: Keys(prefix: prefix), timeout: patience)
    var generator = SeededGenerator(seed: seed &+ UInt64(number) &* 0x1_0000_0001)
    let frequent: [Action] = [.submit, .claim, .record, .lapse]
    actions =
      frequent
      + Action.allCases.flatMap { Array(repeating: $0, count: Int.random(in: 0...4, using: &generator)) }
    kinds = RunModel.Record.Kind.allCases.flatMap {
      Array(repeating: $0, count: Int.random(in: 0...2, using: &generator))
    }
    self.generator = generator
  }

  /// Sends this many calls in a random order, compares all answers and at last what Redis holds, and removes the keys.
  mutating func run(calls: Int) async throws {
    clock = try await store.turn(after: nil).clock
    for _ in 0..<calls { try await call() }
    try await compareState()
    let keys = try await redis.send(["KEYS", "\(prefix)*"], timeout: patience).array?.compactMap(\.string) ?? []
    if keys.isEmpty { return }
    var command: RedisArguments = ["UNLINK"]
    for key in keys { command.append(key) }
    _ = try await redis.send(command, timeout: patience)
  }

  private mutating func call() async throws {
    switch actions.randomElement(using: &generator) ?? .submit {
    case .submit: try await submit()
    case .claim: try await claim(isRepeat: false)
    case .claimAgain: try await claim(isRepeat: true)
    case .record: try await recordNext()
    case .recordAgain: try await recordAgain()
    case .lapse: try await lapse()
    case .beat: try await beat()
    case .reconcile: try await reconcile()
    }
  }

  private mutating func expect<Value: Equatable>(_ call: String, _ answer: Value, _ expected: Value) throws {
    history.append("\(call) → \(answer)")
    if answer == expected { return }
    throw Mismatch(description: "\(prefix) \(history.joined(separator: "\n  ")), but the contract says \(expected)")
  }

  // MARK: Calls

  private mutating func submit() async throws {
    let kind = model.status == .none ? 0 : Int.random(in: 0..<4, using: &generator)
    let other = JobID()
    let submission = Submission.sample(kind < 2 ? id : other, name: kind == 3 ? "other" : "run", idempotencyKey: "key")
    let answer = try await store.submit(submission)
    try expect("submit \(kind)", answer, kind == 3 ? .conflict(id) : .accepted(id))
    model.submit()
  }

  private mutating func claim(isRepeat: Bool) async throws {
    let worker = Bool.random(using: &generator) ? "a" : "b"
    if !isRepeat { claims[worker, default: 0] += 1 }
    let claim = "\(worker)/\(claims[worker] ?? 0)"
    let answer = try await store.claim(
      ClaimRequest(id: claim, worker: worker, runs: 1, lease: .seconds(60), classes: classes))
    var runs = answer.runs
    for run in answer.unread { runs.append(try await store.read(run)) }
    try expect("claim \(claim)", runs.first?.token, model.claim(id: claim, worker: worker))
    for run in runs where !held.contains(where: { $0.run.token == run.token }) { held.append((worker, run, 0)) }
  }

  /// Makes a record of a claim, mostly of the last one and mostly the next.
  private mutating func recordNext() async throws {
    guard !held.isEmpty else { return }
    let last = held.count - 1
    let index = Int.random(in: 0..<4, using: &generator) == 0 ? Int.random(in: 0...last, using: &generator) : last
    let isSkipped = Int.random(in: 0..<10, using: &generator) == 0
    let run = held[index].run
    let sequence = held[index].records + (isSkipped ? 2 : 1)
    if !isSkipped { held[index].records = sequence }
    let kind = kinds.randomElement(using: &generator) ?? .entry
    let record = RunModel.Record(token: run.token, sequence: sequence, kind: kind, mark: "s\(history.count)")
    let held = HeldRun(id: run.id, token: run.token)
    let batch = PendingBatch(CheckpointBatch(record, of: run, clock: store.clock), of: held, sequence: sequence)
    if !isSkipped { sent.append(Sent(record: record, batch: batch)) }
    try await write(Sent(record: record, batch: batch))
  }

  private mutating func recordAgain() async throws {
    guard let old = sent.randomElement(using: &generator) else { return }
    try await write(old)
  }

  private mutating func write(_ message: Sent) async throws {
    let answer: RunModel.Answer =
      switch try await store.record([message.batch])[0] {
      case .recorded: .recorded
      case .lost: .lost
      case .behind(let sequence): .behind(sequence)
      case .refused(let sentence, _): throw Mismatch(description: "\(history): refused: \(sentence)")
      }
    let record = message.record
    try expect("record \(record.token) \(record.sequence) \(record.kind)", answer, model.record(record))
  }

  /// Ends the run's lease, and has a recoverer take its turn: the next one, if this one comes too late after the last.
  private mutating func lapse() async throws {
    _ = try await redis.send(["ZADD", "\(prefix)leases", "XX", "1", "\(id)"], timeout: patience)
    var turn = try await store.turn(after: clock)
    while turn.isHeldUp { turn = try await store.turn(after: turn.clock) }
    clock = turn.clock
    let expected: Recovery? = model.recover().map { $0 ? .requeued : .failed }
    try expect("recover", turn.runs.first?.recovery, expected)
  }

  /// A heartbeat that names what the worker was given last, or nothing, and the worker's last claim as settled or not.
  private mutating func beat() async throws {
    let worker = Bool.random(using: &generator) ? "a" : "b"
    let given = held.last { $0.worker == worker }
    let named = Bool.random(using: &generator) ? given.map { [HeldRun(id: id, token: $0.run.token)] } ?? [] : []
    let isSettled = Bool.random(using: &generator)
    let settled = isSettled ? claims[worker] ?? 0 : 0
    let answer = try await withCheckedContinuation { [store] continuation in
      store.heartbeat(worker: worker, runs: named, settledClaim: settled, lease: .seconds(60)) {
        continuation.resume(returning: $0)
      }
    }.get()
    let isLost = named.first.map { model.isLost(token: $0.token) } ?? false
    let isReturned = named.isEmpty && isSettled && model.returnUntouched(worker: worker)
    let call = "heartbeat \(worker) \(named.map(\.token)) \(settled)"
    try expect(call, [answer.lost, answer.returned], [isLost ? [id] : [], isReturned ? [id] : []])
  }

  private mutating func reconcile() async throws {
    let found = try await store.reconcile(from: .init(), worker: "r", lease: .seconds(15))
    try expect("reconcile", found?.repaired.map(\.what) ?? [], [])
  }

  // MARK: State

  private mutating func compareState() async throws {
    let replies = try await redis.send(
      [
        ["HGET", "\(prefix)job:\(id)", "status"], ["HGET", "\(prefix)holds", "\(id)"],
        ["ZSCORE", "\(prefix)leases", "\(id)"], ["LRANGE", "\(prefix)\(Bench.queue)", "0", "-1"],
        ["LRANGE", "\(prefix)\(Bench.suspects)", "0", "-1"], ["LRANGE", "\(prefix)progress:\(id)", "0", "-1"],
        ["LRANGE", "\(prefix)store:x", "0", "-1"], ["EXISTS", "\(prefix)result:\(id)"],
        ["ZSCORE", "\(prefix)live", "\(id)"],
      ], timeout: patience)
    let isStarted = model.status == .started
    let isLive = isStarted || model.status == .queued
    let waiting = model.status == .queued ? ["\(id)"] : []
    try expect("status", replies[0].string, model.status == .none ? nil : model.status.rawValue)
    let hold = replies[1].string?.split(separator: " ").prefix(2).joined(separator: " ")
    try expect("hold", hold, isStarted ? "\(model.token) \(model.sequence)" : nil)
    try expect("has a lease", !replies[2].isNull, isStarted)
    try expect("queue", texts(replies[3]), model.isSuspect ? [] : waiting)
    try expect("suspects", texts(replies[4]), model.isSuspect ? waiting : [])
    try expect("log", texts(replies[5]).compactMap(mark), model.logged)
    try expect("store", texts(replies[6]).compactMap(mark), model.stored)
    try expect("has a result", replies[7].int == 1, model.status == .finished)
    try expect("is live", !replies[8].isNull, isLive)
  }

  private func texts(_ reply: RedisReply) -> [String] { reply.array?.map { $0.string ?? "?" } ?? [] }

  /// The mark that a progress entry or an item of the store names; nil for an entry without one.
  private func mark(_ entry: String) -> String? {
    if entry.contains("worker_crashed") { return "worker_crashed" }
    guard let start = entry.firstRange(of: #""step":""#)?.upperBound else { return nil }
    return String(entry[start...].prefix { $0 != "\"" })
  }
}

extension CheckpointBatch {
  /// What a record of the model writes.
  fileprivate init(_ record: RunModel.Record, of run: ClaimedRun, clock: RedisClock) {
    self.init(clock: clock, after: run.claimedAt)
    switch record.kind {
    case .checkpoint:
      checkpoint(record.mark, "{}")
      store(record.mark, 0, "x", "\"\(record.mark)\"")
    case .risky: begin(.stepStart(step: record.mark, op: "note"))
    default: log(.stepStart(step: record.mark, op: "note"))
    }
    switch record.kind {
    case .finish: finish()
    case .fail: fail()
    case .handBack: end = .handedBack(asSuspect: false)
    case .handBackAsSuspect: end = .handedBack(asSuspect: true)
    default: break
    }
  }
}

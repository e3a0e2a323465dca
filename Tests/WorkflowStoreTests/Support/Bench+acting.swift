import ExactJSON
import Hiredis
import Workflow
import WorkflowStore

/// What clients, workers and recoverers do.
extension Bench {
  /// Submits a run of steps `a`, `b`, ... and returns its id.
  @discardableResult
  func submit(
    _ id: JobID = JobID(), name: String = "run", inputs: String = #"{"text":"a"}"#, steps: [String] = ["a", "b"]
  ) async throws -> JobID {
    let answer = try await store.submit(Submission.sample(id, name: name, inputs: inputs, steps: steps))
    guard answer == .accepted(id) else { throw StoreError.damaged("the answer was \(answer)") }
    return id
  }

  /// Claims all that there is, and wants it to be one run.
  func claimOne(_ claim: String = "claim", worker: String = "w") async throws -> ClaimedRun {
    let runs = try await self.claim(10, id: claim, worker: worker).runs
    guard let run = runs.first, runs.count == 1 else {
      throw StoreError.damaged("\(runs.count) runs came instead of 1")
    }
    return run
  }

  /// Claims runs, and wants as many to come.
  func claimRuns(_ count: Int, id: String = "claim") async throws -> [ClaimedRun] {
    let runs = try await claim(count, id: id).runs
    guard runs.count == count else { throw StoreError.damaged("\(runs.count) runs came instead of \(count)") }
    return runs
  }

  func claim(
    _ runs: Int, id: String = "claim", worker: String = "w", held: Int = 0, hasHadSuspect: Bool = false
  ) async throws -> Claim {
    var request = ClaimRequest(
      id: id, worker: worker, runs: runs, held: held, lease: .seconds(60), classes: classes)
    request.hasHadSuspect = hasHadSuspect
    var claim = try await store.claim(request)
    for run in claim.unread.sorted(by: { $0.position < $1.position }) {
      do throws(StoreError) {
        claim.runs.insert(try await store.read(run), at: min(run.position, claim.runs.count))
      } catch {
        if error.isTransient { throw error }
        claim.unreadable.append((run.run, run.claimedAt, error))
      }
    }
    claim.unread = []
    return claim
  }

  @discardableResult
  func record(_ run: ClaimedRun, _ sequence: Int, _ fill: (inout CheckpointBatch) -> Void) async throws -> WriteOutcome
  {
    let logged = try await state(run.id)["bytes"].flatMap { Int($0) } ?? 0
    var record =
      sequence == 1
      ? CheckpointBatch(beginning: run, clock: store.clock)
      : CheckpointBatch(clock: store.clock, after: run.claimedAt, logBytes: logged)
    fill(&record)
    return try await write(record, run, sequence)
  }

  /// A record that does not begin a claim.
  func record(after run: ClaimedRun) -> CheckpointBatch { CheckpointBatch(clock: store.clock, after: run.claimedAt) }

  func write(
    _ record: CheckpointBatch, _ run: ClaimedRun, _ sequence: Int, token: String? = nil
  ) async throws -> WriteOutcome {
    let pending = PendingBatch(record, of: HeldRun(id: run.id, token: token ?? run.token), sequence: sequence)
    return try await store.record([pending])[0]
  }

  /// Looks at some live runs, after all keys if these are to be looked at; says what was repaired, as `<id> <what>`.
  func reconcile(worker: String = "w", allKeys: Bool = false) async throws -> [String] {
    var position = Reconciliation.Position()
    var repaired: [String] = []
    repeat {
      let found = try await store.reconcile(from: position, worker: worker, lease: .seconds(15))
      position = found?.position ?? .init()
      repaired += found?.repaired.map { "\($0.id) \($0.what)" } ?? []
    } while position.live != "" || allKeys && position.keys != "0"
    return repaired
  }

  /// Makes the leases of runs look as if they had ended this many seconds ago.
  func lapse(_ id: JobID, secondsAgo: Int = 1) async throws {
    let end = Int(try await now() * 1_000) - secondsAgo * 1_000
    try await send("ZADD", prefix + "leases", "XX", "\(end)", id.description)
  }
}

extension RunStore {
  /// Takes the runs of lapsed leases, as a caller does whose last turn was just before.
  func recover(limit: Int = 100) async throws -> [(id: JobID, recovery: Recovery, worker: String?)] {
    let clock = try await turn(after: nil).clock
    return try await turn(after: clock, limit: limit).runs
  }

  /// One turn of a recoverer.
  func turn(
    after clock: String?, within gap: Duration = patience, kind: RecoveryTurn.Kind = .taking, limit: Int = 100
  ) async throws(StoreError) -> RecoveryTurn {
    try await recover(after: clock, within: gap, kind: kind, lease: .seconds(60), limit: limit)
  }
}

extension Submission {
  /// A run of steps that do nothing.
  static func sample(
    _ id: JobID = JobID(), name: String = "run", inputs: String = #"{"text":"a"}"#, steps: [String] = ["a", "b"],
    options: RunOptions = RunOptions(), idempotencyKey: String? = nil
  ) -> Submission {
    let steps = steps.map { StepDefinition(id: $0, op: "note", needs: [], params: ["value": "@inputs.text"]) }
    return Submission(
      id: id, runName: name, steps: JSONValue.array(steps.map(\.json)).bytes, inputs: Array(inputs.utf8),
      requirements: WorkflowDefinition(runName: name, inputs: [:], steps: steps, options: options).requirements,
      options: options, idempotencyKey: idempotencyKey, requestID: "request")
  }
}

extension CheckpointBatch {
  /// Adds a step's outputs.
  mutating func checkpoint(_ step: String, _ outputs: String, inLog: Bool = true) {
    checkpoint(step: step, outputs: Array(outputs.utf8), inLog: inLog)
  }

  /// Adds a value for a store.
  mutating func store(_ step: String, _ order: Int, _ namespace: String, _ value: String) {
    store(StepUnit(step), order: order, namespace: namespace, value: Array(value.utf8))
  }

  /// Ends the run as finished.
  mutating func finish(
    name: String = "run", done: [String] = [], stores: [(namespace: String, steps: [String])] = []
  ) {
    log(.finished)
    end = .finished(RunResult(runName: name, done: done, stores: stores))
  }

  /// Ends the run as failed.
  mutating func fail(_ code: ErrorCode = .operationFailed, _ sentence: String = "it broke") {
    let failure = StepFailure(code, sentence)
    log(.failed(failure))
    end = .failed(failure)
  }
}

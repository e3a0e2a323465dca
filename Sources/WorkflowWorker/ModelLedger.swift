import Logging
import Metrics
import OpenSSL
import Workflow
import WorkflowOperations
import WorkflowStore

/// Counts the calls of models of all workers, and what they spend, in the first partition.
struct ModelLedger: Sendable {
  private let store: RunStore
  private let hurry: @Sendable (JobID) async throws(StoreError) -> HurryOutcome
  private let policy: CooldownPolicy
  private let meter: WorkerMeter
  private let logger: Logger

  /// The longest wait that a step spends in its place; a longer one it waits outside.
  private static let longestWait = RunProgress.longestWait
  /// How long the end of a call is sent again while Redis is away. After that it counts as abandoned.
  private static let patience = Duration.seconds(60)

  init(
    _ partitions: Partitions, _ policy: CooldownPolicy, meter: WorkerMeter = WorkerMeter(Meter()), logger: Logger
  ) {
    store = partitions.all[0]
    hurry = { id throws(StoreError) in try await partitions.store(of: id).hurry(id) }
    self.policy = policy
    self.meter = meter
    self.logger = logger
  }

  /// Asks whether a call may begin, as long as Redis is away and while the wait is short.
  func admit(_ call: ModelCall) async throws(StepError) -> ModelAdmission {
    var delay = Duration.milliseconds(100)
    while true {
      // One server of several is away. What nothing limits continues without it; what is limited waits.
      if store.isDown, !call.isLimited { return .admitted }
      do {
        let admission = try await store.admit(call)
        guard case .wait(let time, _, _) = admission, call.waitsInPlace || time <= Self.longestWait else {
          return admission
        }
        delay = time
      } catch {
        guard error.isTransient else {
          throw .failed(StepFailure(.operationFailed, "the limits of the model cannot be read: \(error)"))
        }
        delay = min(delay * 2, .seconds(1))
      }
      do { try await Task.sleep(for: delay) } catch { throw .cancelled }
    }
  }

  /// The answer that is kept under a digest; nil where there is none, or Redis is away.
  func keptAnswer(_ digest: String) async -> [UInt8]? {
    do { return try await store.keptAnswer(digest) } catch {
      logger.debug("a kept answer of a model cannot be read: \(error)")
      return nil
    }
  }

  /// Keeps an answer. Nothing depends on it.
  func keep(_ answer: [UInt8], _ digest: String, seconds: Int) async {
    do { try await store.keep(answer, digest, seconds: seconds) } catch {
      logger.debug("the answer of a model cannot be kept: \(error)")
    }
  }

  /// Records the end of a call; where Redis is away, the answer does not wait for it.
  func record(_ end: ModelCallEnd, of call: ModelCall) async {
    meter.called(call.countedAs, end)
    if await sent(end, of: call) { return }
    let deadline = ContinuousClock.now + Self.patience
    Task {
      while ContinuousClock.now < deadline {
        try? await Task.sleep(for: .seconds(1))
        if await sent(end, of: call) { return }
      }
      logger.warning(
        "the end of a call of a model could not be recorded: it counts as abandoned",
        metadata: ["model": "\(call.model)", "call": "\(call.id)", "job": "\(call.run)"])
    }
  }

  /// Starts the first call that waits for the place of one that has ended, if its run is parked. A call of a run that a
  /// worker holds, and any where this fails, comes by itself when its wait is over.
  private func wakeFirst(of calls: [WaitingCall], model: String) async {
    var busy: JobID?
    for call in calls where call.run != busy {
      do {
        switch try await hurry(call.run) {
        case .hurried: return try await store.keepPlace(of: model)
        case .busy: busy = call.run
        case .over: try await store.forgetTurn(call, of: model)
        }
      } catch {
        return logger.debug("a run whose turn has come is not woken: \(error)", metadata: ["job": "\(call.run)"])
      }
    }
  }

  /// Whether nothing remains to be sent.
  private func sent(_ end: ModelCallEnd, of call: ModelCall) async -> Bool {
    do {
      let (left, next) = try await store.record(end, of: call, policy)
      await wakeFirst(of: next, model: call.model)
      if end.outcome == .broken, left > .zero {
        logger.notice(
          "the model keeps failing; no worker calls it for \(left.inSeconds)", metadata: ["model": "\(call.model)"])
      }
      return true
    } catch {
      if !error.isTransient {
        logger.error(
          "the end of a call of a model cannot be recorded: \(error)", metadata: ["model": "\(call.model)"])
      }
      return !error.isTransient
    }
  }
}

/// What a run's calls of models may spend.
struct RunSpending: Sendable {
  /// The run's id.
  let run: String
  /// Whose run it is; nil without API keys.
  let owner: String?
  /// What the run may spend; nil for any amount.
  let runBudget: Cost?
  /// What its owner's runs may spend in a day; nil for any amount.
  let dayBudget: Cost?
}

/// The calls of models that an attempt of a step makes.
struct AttemptAccount: ModelAccount {
  private let spending: RunSpending
  private let unit: StepUnit
  private let ledger: ModelLedger

  init(_ spending: RunSpending, _ unit: StepUnit, _ ledger: ModelLedger) {
    self.spending = spending
    self.unit = unit
    self.ledger = ledger
  }

  func call(of model: String, part: String?) -> ModelCall {
    let id = "\(spending.run)/\(unit.name)" + (part.map { "#\($0)" } ?? "")
    var call = ModelCall(
      model: model, id: id, nonce: String(UInt64.random(in: 1...(.max)), radix: 36), run: spending.run,
      step: unit.step, owner: spending.owner)
    call.runBudget = spending.runBudget
    call.dayBudget = spending.dayBudget
    return call
  }

  func admit(_ call: ModelCall) async throws(StepError) -> ModelAdmission { try await ledger.admit(call) }

  func answer(to question: [UInt8]) async -> [UInt8]? { await ledger.keptAnswer(digest(question)) }

  func keep(_ answer: [UInt8], to question: [UInt8], seconds: Int) async {
    await ledger.keep(answer, digest(question), seconds: seconds)
  }

  /// Names a question of the owner: no owner gets what another one has paid for.
  private func digest(_ question: [UInt8]) -> String {
    Digest.hex(Digest.sha256(Array("\(spending.owner ?? "-") ".utf8) + question))
  }

  func end(_ call: ModelCall, _ end: ModelCallEnd) async { await ledger.record(end, of: call) }
}

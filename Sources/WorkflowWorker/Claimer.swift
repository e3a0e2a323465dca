import Logging
import Synchronization
import WorkflowOperations
import WorkflowStore

/// Fills the worker's hands with queued runs: at a wake-up, when a hand becomes free, and by a slow poll in case that a
/// wake-up was lost.
///
/// Claims go out from the thread that gives reason for one, and what they bring is begun on the connection's thread: on the
/// way from a submission to its first step no thread is woken in vain.
final class Claimer: Sendable {
  private struct State {
    /// The number of the next claim. One that failed is sent again under its own: its runs may be ours.
    var number = 1
    var isClaiming = false
    /// Whether there was reason for a claim while one was under way.
    var isWoken = false
    /// Whether the last claim left runs in the queue, as far as is known.
    var mayHaveMore = false
    /// Whether no run is to be taken until none is in hand: then a suspect is.
    var isEmptying = false
    /// Whether the last run that was taken is a suspect.
    var hasHadSuspect = false
    var isStopped = false
    var failingSince: ContinuousClock.Instant?
    var answeredAt = ContinuousClock.now
    var declined = DeclinedRuns()
    /// The operations that runs were declined for, as far as the log has said so.
    var missing: Set<String> = []
  }

  /// A script holds up everybody else: that many runs take Redis some 2 ms.
  private static let mostRuns = 128
  /// Bytes of documents that steps go through in well under a millisecond.
  private static let shortRun = 32 * 1_024

  private let store: RunStore
  private let executor: Executor
  private let hands: RunsInHand
  private let worker: String
  private let configuration: WorkerConfiguration
  private let logger: Logger
  private let pulse: @Sendable () -> Void
  private let isReachable: @Sendable () async -> Bool
  private let patience: Duration
  private let state = Mutex(State())
  private let end = AsyncStream<Never>.makeStream()

  /// - Parameters:
  ///   - pulse: called every second, also while claims fail: the worker is alive.
  ///   - isReachable: whether a fresh connection to Redis works.
  ///   - patience: how long claims may have no answer before the worker counts as stalled.
  init(
    store: RunStore, executor: Executor, hands: RunsInHand, worker: String, configuration: WorkerConfiguration,
    logger: Logger, pulse: @escaping @Sendable () -> Void, isReachable: @escaping @Sendable () async -> Bool,
    patience: Duration = .seconds(30)
  ) {
    self.patience = patience
    self.pulse = pulse
    self.isReachable = isReachable
    self.store = store
    self.executor = executor
    self.hands = hands
    self.worker = worker
    self.configuration = configuration
    self.logger = logger
  }

  /// Claims until ``stop()``.
  func run() async {
    let poll = Task { [self] in
      while !Task.isCancelled {
        wake(isPoll: true)
        if await !isDeaf() { pulse() }
        try? await Task.sleep(for: .seconds(1))
      }
    }
    for await _ in end.stream {}
    poll.cancel()
  }

  /// Ends ``run()``. A claim in flight may still bring runs.
  func stop() {
    state.withLock { $0.isStopped = true }
    end.continuation.finish()
  }

  /// Whether no claim is in flight.
  var isIdle: Bool { state.withLock { !$0.isClaiming } }

  /// The number of the newest claim whose runs are in hand by now, or whose answer was lost.
  ///
  /// A claim without an answer is sent again under its number. It does no harm when its runs return to their queue meanwhile:
  /// the repeat brings only those that are still this worker's.
  var settledClaim: Int {
    state.withLock { state in
      let isLost = !state.isClaiming && (state.failingSince != nil || state.isStopped)
      return isLost ? state.number : state.number - 1
    }
  }

  /// Has the claimer look at the queue; from any thread, at any time.
  func wake() { wake(isPoll: false) }

  private func wake(isPoll: Bool) {
    let request = state.withLock { state in
      if state.isClaiming { state.isWoken = true }
      // While hands become empty for a suspect, the poll renews the election.
      let isDue = isPoll || !state.isEmptying || hands.count == 0
      return state.isClaiming || state.isStopped || !isDue ? nil : nextRequest(&state)
    }
    if let request { claim(request) }
  }

  private func handIsFree() {
    if state.withLock({ $0.mayHaveMore }) { wake() }
  }

  /// What to ask for now; nil when there is no room.
  private func nextRequest(_ state: inout State) -> ClaimRequest? {
    let held = hands.count
    let isPaused = state.failingSince == nil && state.declined.isPaused(at: .now)
    let room = hands.hasSuspect || isPaused ? 0 : hands.room
    state.isWoken = false
    state.mayHaveMore = true
    state.isClaiming = room > 0
    guard room > 0 else {
      // Nothing is asked, so no answer is missed.
      state.answeredAt = .now
      return nil
    }
    var request = ClaimRequest(
      id: "\(worker)/\(state.number)", worker: worker, runs: min(room, Claimer.mostRuns), held: held,
      lease: configuration.lease)
    request.hasHadSuspect = state.hasHadSuspect
    return request
  }

  private func claim(_ request: ClaimRequest) {
    store.claim(request) { [self] outcome in
      switch outcome {
      case .success(let claim):
        let declined = begin(claim)
        goOn(after: claim, declined)
      case .failure(let error): pause(after: error)
      }
    }
  }

  /// Claims again if runs are left, or may have come meanwhile.
  private func goOn(after claim: Claim, _ declined: [JobID]) {
    let (request, hasRecovered) = state.withLock { state in
      state.number += 1
      state.answeredAt = .now
      let hasRecovered = state.failingSince != nil
      state.failingSince = nil
      state.isClaiming = false
      let wasOthersTurn = state.hasHadSuspect
      state.declined.note(declined, at: .now)
      state.isEmptying = claim.isElected
      state.hasHadSuspect = claim.runs.contains { $0.isSuspect }
      state.mayHaveMore = claim.hasLeftRuns || claim.isElected || state.hasHadSuspect
      let isDue = claim.isElected ? hands.count == 0 : claim.hasLeftRuns || state.isWoken || wasOthersTurn
      return (isDue && !state.isStopped ? nextRequest(&state) : nil, hasRecovered)
    }
    if hasRecovered { logger.notice("claims succeed again") }
    if let request { self.claim(request) }
  }

  /// Waits for the next reason after a claim that failed.
  private func pause(after error: StoreError) {
    let isFirst = state.withLock { state in
      let isFirst = state.failingSince == nil
      state.failingSince = state.failingSince ?? .now
      // Redis answered, if only with an error, so the connection is not stuck.
      if error.isAnswer { state.answeredAt = .now }
      state.isClaiming = false
      return isFirst
    }
    if isFirst { logger.warning("no run can be claimed: \(error)") }
  }

  /// Whether claims have had no answer for long although Redis answers others: then only a restart helps. An outage of
  /// Redis by itself is no reason for one.
  private func isDeaf() async -> Bool {
    let silence = ContinuousClock.now - state.withLock { $0.answeredAt }
    guard silence > patience, await isReachable() else { return false }
    logger.error(
      "claims have had no answer for \(silence.components.seconds) s although Redis answers a fresh connection")
    return true
  }

  /// Starts the runs of a claim, and returns to the queue those that need an operation which this worker does not have.
  private func begin(_ claim: Claim) -> [JobID] {
    var declined: [JobID] = []
    if claim.dropped > 0 { logger.warning("dropped \(claim.dropped) queue entries without a queued job") }
    for run in claim.runs {
      var logger = logger
      logger[metadataKey: "job"] = "\(run.id)"
      logger[metadataKey: "request"] = "\(run.requestID)"
      if let operation = executor.missingOperation(of: run) {
        declined.append(run.id)
        sayMissing(operation)
        hands.take(
          HeldRun(id: run.id, token: run.token), isSuspect: run.isSuspect,
          { [logger] in await self.executor.decline(run, logger: logger) }, onFree: { self.handIsFree() })
        continue
      }
      hands.take(
        HeldRun(id: run.id, token: run.token), isSuspect: run.isSuspect,
        isShort: run.documentBytes <= Claimer.shortRun,
        { [logger] in await self.executor.execute(run, logger: logger) },
        onFree: { self.handIsFree() })
    }
    for (held, claimedAt, error) in claim.unreadable {
      hands.take(
        held, isSuspect: false,
        { await self.executor.giveUp(held, claimedAt: claimedAt, error, logger: self.logger) },
        onFree: { self.handIsFree() })
    }
    return declined
  }

  /// Says once of each operation that runs wait for it.
  private func sayMissing(_ operation: String) {
    let isNew = state.withLock { $0.missing.count < 100 && $0.missing.insert(operation).inserted }
    if isNew {
      logger.warning(
        "runs need the operation \(operation), which this worker does not have; they stay queued for workers that do")
    }
  }
}

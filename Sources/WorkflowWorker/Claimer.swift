import Logging
import Synchronization
import WorkflowOperations
import WorkflowStore

/// Fills the worker's hands with queued runs: at a wake-up, when a hand becomes free, and by a slow poll in case that a
/// wake-up was lost.
final class Claimer: Sendable {
  private let store: RunStore
  private let executor: Executor
  private let hands: RunsInHand
  private let worker: String
  private let configuration: WorkerConfiguration
  private let logger: Logger
  private let pulse: @Sendable () -> Void
  private let isReachable: @Sendable () async -> Bool
  private let wakeUps = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
  /// Whether the last claim left runs in the queue, as far as is known.
  private let mayHaveMore = Atomic(false)

  /// - Parameters:
  ///   - pulse: called at every turn of the loop, also at one that failed: the worker is alive.
  ///   - isReachable: whether a fresh connection to Redis works.
  init(
    store: RunStore, executor: Executor, hands: RunsInHand, worker: String, configuration: WorkerConfiguration,
    logger: Logger, pulse: @escaping @Sendable () -> Void, isReachable: @escaping @Sendable () async -> Bool
  ) {
    self.pulse = pulse
    self.isReachable = isReachable
    self.store = store
    self.executor = executor
    self.hands = hands
    self.worker = worker
    self.configuration = configuration
    self.logger = logger
  }

  /// Has the claimer look at the queue; from any thread, at any time.
  func wake() { wakeUps.continuation.yield() }

  /// Ends ``run()`` after the claim under way.
  func stop() { wakeUps.continuation.finish() }

  /// Claims until ``stop()``.
  func run() async {
    let poll = Task { [self] in
      while !Task.isCancelled {
        wake()
        try? await Task.sleep(for: .seconds(1))
      }
    }
    var number = 1
    var failingSince: ContinuousClock.Instant?
    var answeredAt = ContinuousClock.now
    for await _ in wakeUps.stream {
      do {
        try await fill(&number)
        if failingSince != nil { logger.notice("claims succeed again") }
        failingSince = nil
        answeredAt = .now
      } catch {
        if failingSince == nil { logger.warning("no run can be claimed: \(error)") }
        failingSince = failingSince ?? .now
        // An error that Redis answers is heard.
        if !error.isTransient { answeredAt = .now }
      }
      if await !isDeaf(since: answeredAt) { pulse() }
    }
    poll.cancel()
  }

  /// Whether claims have had no answer for long although Redis answers others: then only a restart helps. An outage of
  /// Redis by itself is no reason for one.
  private func isDeaf(since answeredAt: ContinuousClock.Instant) async -> Bool {
    let silence = ContinuousClock.now - answeredAt
    guard silence > .seconds(30), await isReachable() else { return false }
    logger.error(
      "claims have had no answer for \(silence.components.seconds) s although Redis answers a fresh connection")
    return true
  }

  /// Claims while there is room and runs come. A claim that failed is sent again under its own id: its runs may be ours.
  private func fill(_ number: inout Int) async throws(StoreError) {
    while true {
      let room = configuration.runs - hands.count
      mayHaveMore.store(true, ordering: .sequentiallyConsistent)
      guard room > 0 else { return }
      let request = ClaimRequest(
        id: "\(worker)/\(number)", worker: worker, runs: room, suspects: max(0, 1 - hands.suspects),
        lease: configuration.lease)
      let claim = try await store.claim(request)
      number += 1
      begin(claim)
      guard !claim.runs.isEmpty else {
        mayHaveMore.store(false, ordering: .sequentiallyConsistent)
        return
      }
    }
  }

  private func begin(_ claim: Claim) {
    if claim.dropped > 0 { logger.warning("dropped \(claim.dropped) queue entries without a queued job") }
    for run in claim.runs {
      var logger = logger
      logger[metadataKey: "job"] = "\(run.id)"
      logger[metadataKey: "request"] = "\(run.requestID)"
      hands.take(
        HeldRun(id: run.id, token: run.token), isSuspect: run.isSuspect,
        { [logger] in await self.executor.execute(run, logger: logger) },
        onFree: { self.handIsFree(ofSuspect: run.isSuspect) })
    }
    for (held, claimedAt, error) in claim.unreadable {
      hands.take(held, isSuspect: false) {
        await self.executor.giveUp(held, claimedAt: claimedAt, error, logger: self.logger)
      }
    }
  }

  /// Another suspect may wait, although the last claim brought none: it was not allowed one.
  private func handIsFree(ofSuspect wasSuspect: Bool) {
    if wasSuspect || mayHaveMore.load(ordering: .sequentiallyConsistent) { wake() }
  }
}

public import Logging
public import Metrics
import Synchronization

/// Adds what a process counts to the sums in Redis, every few seconds. A process that dies loses what it has counted
/// since the last time; what was sent is added once, however often it has to be sent.
public final class MetricsSender: Sendable {
  private struct Portion {
    let number: Int
    let growths: [Meter.Growth]
    /// Whether it was sent before, so that more has grown since.
    var wasPending = false
  }

  private struct State {
    var number = 0
    /// What was sent and not answered; sent again as it is.
    var pending: Portion?
    var sending: Task<Result<Void, StoreError>, Never>?
    var hasLoggedOmission = false
  }

  /// The time between two portions.
  public static let period = Duration.seconds(5)
  /// How long a portion may take; after that it is sent again, the next time.
  private static let limit = Duration.milliseconds(500)

  private let meter: Meter
  private let store: RunStore
  private let logger: Logger
  private let outages: OutageLog
  private let process = JobID().description
  private let state = Mutex(State())

  /// - Parameter store: that of the first partition.
  public init(_ meter: Meter, to store: RunStore, logger: Logger) {
    self.meter = meter
    self.store = store
    self.logger = logger
    outages = OutageLog("the sending of metrics", logger: logger)
  }

  /// Sends until its task is cancelled.
  public func run() async {
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.period)
      do throws(StoreError) {
        try await flush()
        outages.noteSuccess()
      } catch {
        outages.note(error)
      }
    }
  }

  /// Sends what was counted until now, in a process that ends; Redis may be away.
  public func finish() async {
    do throws(StoreError) { try await flush() } catch {
      logger.notice("what was counted in the last seconds is not among the metrics: \(error)")
    }
  }

  /// Sends what was counted until now. Calls at the same time are one.
  public func flush() async throws(StoreError) {
    let task = state.withLock { state in
      if let sending = state.sending { return sending }
      let task = Task { [self] in
        let outcome = await send()
        self.state.withLock { $0.sending = nil }
        return outcome
      }
      state.sending = task
      return task
    }
    try await task.value.get()
  }

  private func send() async -> Result<Void, StoreError> {
    while let portion = next() {
      do throws(StoreError) {
        let omitted = try await store.add(portion.growths, of: process, number: portion.number, within: Self.limit)
        state.withLock { $0.pending = nil }
        if omitted > 0 { noteOmission(omitted) }
        // Each sending makes figures grow, too.
        if portion.growths.count < RunStore.mostGrowths, !portion.wasPending { break }
      } catch {
        return .failure(error)
      }
    }
    return .success(())
  }

  /// What is to be sent next; nil when nothing has grown.
  private func next() -> Portion? {
    state.withLock { state in
      if var pending = state.pending {
        pending.wasPending = true
        return pending
      }
      let growths = meter.take(atMost: RunStore.mostGrowths)
      if growths.isEmpty { return nil }
      state.number += 1
      state.pending = Portion(number: state.number, growths: growths)
      return state.pending
    }
  }

  private func noteOmission(_ count: Int) {
    let isFirst = state.withLock { state in
      defer { state.hasLoggedOmission = true }
      return !state.hasLoggedOmission
    }
    guard isFirst else { return }
    logger.warning(
      """
      \(count) new metrics are left out: \(store.keys.metrics) has as many fields as it may; delete the key to have all \
      counters begin again
      """)
  }
}

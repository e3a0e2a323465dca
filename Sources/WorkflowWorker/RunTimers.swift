import Logging
import Workflow
import WorkflowStore

/// Returns parked runs to their queues when their time has come, and ends runs whose time limit is over. Every worker
/// does that, so that it depends on no single one.
struct RunTimers: Sendable {
  private let store: RunStore
  private let logger: Logger
  private let outages: OutageLog

  /// The longest time between two turns: a run that was parked meanwhile is late by no more.
  private static let period = Duration.seconds(1)
  /// How many runs a turn takes; as many take Redis a few milliseconds.
  private static let mostRuns = 100

  /// - Parameter outages: is notified when Redis does not answer.
  init(store: RunStore, outages: OutageLog, logger: Logger) {
    self.store = store
    self.logger = logger
    self.outages = outages
  }

  /// Takes turns until its task is cancelled.
  func run() async {
    var last: Timestamp?
    while !Task.isCancelled {
      let wait = await turn(after: &last)
      if wait > .zero { try? await Task.sleep(for: wait) }
    }
  }

  /// - Returns: how long the next turn has time.
  private func turn(after last: inout Timestamp?) async -> Duration {
    do {
      let turn = try await store.turnTimers(after: last, limit: Self.mostRuns)
      last = turn.now
      outages.noteSuccess(in: store)
      for (id, outcome) in turn.runs where outcome == .timedOut {
        logger.notice("the run took longer than its timeout_s", metadata: ["job": "\(id)"])
      }
      if turn.runs.count >= Self.mostRuns { return .zero }
      return turn.next.map { min(Self.period, max(.milliseconds(1), $0 - turn.now)) } ?? Self.period
    } catch {
      outages.note(error, in: store)
      return Self.period
    }
  }
}

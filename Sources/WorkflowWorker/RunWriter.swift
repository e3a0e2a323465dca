import Logging
import WorkflowStore

/// Writes the records of one claim, in order, each until Redis has answered.
actor RunWriter {
  private let records: RecordGroup
  private let run: HeldRun
  private let hands: RunsInHand
  private let logger: Logger
  private var sequence = 1

  init(_ records: RecordGroup, run: HeldRun, hands: RunsInHand, logger: Logger) {
    self.records = records
    self.run = run
    self.hands = hands
    self.logger = logger
  }

  /// Writes a record. While Redis is away it tries on, for as long as the worker holds the run.
  func write(_ record: RunRecord) async -> RecordAnswer {
    var pause = Duration.milliseconds(100)
    while true {
      do {
        let answer = try await records.write(PendingRecord(record, of: run, sequence: sequence))
        if answer == .recorded { sequence += 1 }
        return answer
      } catch {
        guard error.isTransient else {
          logger.error("a record cannot be written: \(error)")
          return .lost("\(error)")
        }
        if pause == .milliseconds(100) { logger.warning("a record waits for Redis: \(error)") }
      }
      if hands.stop(of: run) == .lost { return .lost("the lease was lost while Redis was away") }
      do { try await Task.sleep(for: pause) } catch { return .lost("the worker stops") }
      pause = min(pause * 2, .seconds(1))
    }
  }
}

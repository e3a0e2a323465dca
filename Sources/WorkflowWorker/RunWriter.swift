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

  /// Writes a record. While Redis is away or refuses it tries on, for as long as the worker holds the run, also when the run
  /// is to be handed back: what is not given back would have to lapse.
  func write(_ record: RunRecord) async -> RecordAnswer {
    var pause = Duration.milliseconds(100)
    var said: StoreError?
    while true {
      do {
        let answer = try await records.write(PendingRecord(record, of: run, sequence: sequence))
        if answer == .recorded { sequence += 1 }
        return answer
      } catch {
        if said?.isTransient != error.isTransient {
          logger.log(level: error.isTransient ? .warning : .error, "a record waits for Redis: \(error)")
        }
        said = error
      }
      if hands.stop(of: run) == .lost { return .lost("the lease was lost while Redis was away") }
      // A task that was cancelled cannot sleep, but another one can on its behalf.
      await Task.detached { [pause] in try? await Task.sleep(for: pause) }.value
      pause = min(pause * 2, .seconds(1))
    }
  }
}

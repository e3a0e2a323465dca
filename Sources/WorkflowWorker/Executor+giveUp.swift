import Logging
import Workflow
import WorkflowStore

extension Executor {
  /// Ends a run whose documents cannot be read, so that it does not go round for ever.
  func giveUp(_ run: HeldRun, claimedAt: Timestamp, _ error: StoreError, logger: Logger) async {
    var logger = logger
    logger[metadataKey: "job"] = "\(run.id)"
    logger.error("the run cannot be read: \(error)")
    let failure = StepFailure(.operationFailed, "\(error)")
    var record = CheckpointBatch(clock: clock, after: claimedAt)
    record.log(.failed(failure))
    record.end = .failed(failure)
    let answer = await CheckpointWriter(records, run: run, hands: hands, logger: logger).write(record)
    logger.info("ended as failed: \(answer)")
  }
}

import Logging
import WorkflowStore

/// Writes log lines about one run, each with the ids of the run and of the request that submitted it.
///
/// Few runs have a line, so the metadata is made when one is written.
struct RunLog: Sendable {
  private let logger: Logger
  private let job: JobID
  private let request: String?

  /// - Parameter request: the id of the request that submitted the run; nil when it is not known.
  init(_ logger: Logger, _ job: JobID, request: String? = nil) {
    self.logger = logger
    self.job = job
    self.request = request
  }

  /// Writes a line if the level is logged.
  func write(_ level: Logger.Level, _ message: @autoclosure () -> Logger.Message, _ more: [String: String] = [:]) {
    guard logger.logLevel <= level else { return }
    var metadata: Logger.Metadata = more.mapValues { .string($0) }
    metadata["job"] = "\(job)"
    if let request { metadata["request"] = .string(request) }
    logger.log(level: level, message(), metadata: metadata)
  }
}

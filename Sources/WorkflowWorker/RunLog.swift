import Logging
import Tracing
import WorkflowStore

/// Writes log lines about one run, each with the ids of the run and of the request that submitted it.
///
/// Few runs have a line, so the metadata is made when one is written.
struct RunLog: Sendable {
  private let logger: Logger
  private let job: JobID
  private let request: String?
  private let trace: TraceContext?

  /// - Parameters:
  ///   - request: the id of the request that submitted the run; nil when it is not known.
  ///   - trace: the trace of the run, with its span; nil where there is none.
  init(_ logger: Logger, _ job: JobID, request: String? = nil, trace: TraceContext? = nil) {
    self.trace = trace
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
    if let trace {
      metadata["trace_id"] = "\(trace.traceID)"
      metadata["span_id"] = "\(trace.parent)"
    }
    logger.log(level: level, message(), metadata: metadata)
  }
}

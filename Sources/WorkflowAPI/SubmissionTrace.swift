import FastCGI
import Synchronization
import Tracing

/// The trace of a submission: the one that the client names in `traceparent`, or a new one where spans are written.
final class SubmissionTrace: Sendable {
  private let active: ActiveTrace
  private let start = Span.now
  private let job = Mutex<String?>(nil)

  /// Nil for a request without a trace, where nothing takes its span.
  init?(_ request: FastCGIRequest, _ spans: (any SpanRecorder)?) {
    // Two such headers come joined by a comma or as two: in both forms they are to be ignored.
    let headers = request.headers("traceparent")
    if headers.count == 1, let context = Self.context(headers[0], request) {
      active = ActiveTrace(context, recorder: spans).child("submit", Self.randomNumber)
    } else if let spans {
      active = ActiveTrace(beginning: .random(), "submit", Self.randomNumber, recorder: spans)
    } else {
      return nil
    }
  }

  private static func context(_ parent: String, _ request: FastCGIRequest) -> TraceContext? {
    TraceContext(traceparent: parent, state: request.headers("tracestate").joined(separator: ","))
  }

  private static var randomNumber: String { "\(UInt64.random(in: 0 ... .max))" }

  /// What the run keeps: the span of the submission is the parent of the run's.
  var stored: TraceContext { active.context }

  /// Notes the run that was accepted.
  func noteJob(_ id: String) { job.withLock { $0 = id } }

  /// Writes the span, by OpenTelemetry's semantic conventions for HTTP servers.
  func end(status: Int) {
    guard active.isRecorded else { return }
    var attributes: [Span.Attribute] = [
      ("http.request.method", .text("POST")), ("http.route", .text("/workflow/run")),
      ("url.path", .text("/workflow/run")), ("url.scheme", .text("http")),
      ("http.response.status_code", .number(status)),
    ]
    if let job = job.withLock({ $0 }) { attributes.append(("wf.job.id", .text(job))) }
    // A refusal is the client's failure, not the server's.
    let hasFailed = status >= 500
    if hasFailed { attributes.append(("error.type", .text("\(status)"))) }
    active.record(
      "POST /workflow/run", .server, from: start, attributes, failure: hasFailed ? "the status was \(status)" : nil)
  }
}

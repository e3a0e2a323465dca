public import Curl
public import Tracing

/// The span of a request to another service, by OpenTelemetry's semantic conventions for HTTP clients. The query of the
/// URL, which may hold secrets, is no part of it.
public struct HTTPSpan: Sendable {
  /// The trace with the request's span: its headers go with the request.
  public let trace: ActiveTrace
  private let method: String
  private let start = Span.now
  private let attributes: [Span.Attribute]

  /// Begins the span of a request; nil without a trace.
  /// - Parameters:
  ///   - words: distinguish it from other requests of the trace's span.
  ///   - number: of the request among those that follow one another by redirects, from 0.
  public init?(_ trace: ActiveTrace?, _ method: String, _ url: HTTPURL, _ words: String = "http", number: Int = 0) {
    guard let trace else { return nil }
    self.trace = trace.child(words, "\(number)")
    self.method = method
    guard trace.isRecorded else {
      attributes = []
      return
    }
    var attributes: [Span.Attribute] = [
      ("http.request.method", .text(method)), ("url.full", .text(String(url.text.prefix { $0 != "?" && $0 != "#" }))),
      ("server.address", .text(url.host)), ("server.port", .number(url.port)),
    ]
    if number > 0 { attributes.append(("http.request.resend_count", .number(number))) }
    self.attributes = attributes
  }

  /// Writes the span of a request that was answered.
  public func end(status: Int) {
    guard trace.isRecorded else { return }
    var all = attributes + [("http.response.status_code", .number(status))]
    // As the conventions have it for clients.
    if status >= 400 { all.append(("error.type", .text("\(status)"))) }
    trace.record(method, .client, from: start, all, failure: status >= 400 ? "the status was \(status)" : nil)
  }

  /// Writes the span of a request without an answer.
  public func end(_ error: HTTPError) {
    guard trace.isRecorded else { return }
    let kind: String =
      switch error {
      case .timedOut: "timeout"
      case .cancelled: "cancelled"
      case .cannotConnect: "cannot_connect"
      case .untrusted, .tlsFailed: "tls"
      default: "interrupted"
      }
    trace.record(method, .client, from: start, attributes + [("error.type", .text(kind))], failure: "\(error)")
  }
}

import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// An answer that is not 2xx; it renders itself.
enum APIError: Error, Sendable, Equatable {
  /// The body, or a header, has faults; all of them.
  case invalid([ValidationFault])
  /// The client is not on this host, and nothing says that others may.
  case unauthorized
  /// The request names another host than this API serves, or none.
  case misdirected(host: String?)
  /// There is nothing under this path.
  case notFound(String)
  /// The path is there, but not for this method.
  case methodNotAllowed(allow: [String])
  /// An idempotency key was used with another body.
  case conflict(JobID)
  /// The body is too large.
  case tooLarge(limit: Int)
  /// The body is of a type that wf does not read; what it is.
  case unsupportedMediaType(String)
  /// The body is compressed, or coded in another way.
  case unsupportedEncoding(String)
  /// Redis is away or refuses; the reason is for the log. `outcomeUnknown`: what was asked may have been done.
  case unavailable(reason: String, outcomeUnknown: Bool)
  /// The same of a request that only reads.
  case unreadable(reason: String)
  /// Redis answers that it refuses; `cause` is one word, the reason and its remedy are for the log.
  case refused(cause: String, reason: String, outcomeUnknown: Bool)
  /// Other requests take all that there is of something; a sentence.
  case busy(String)
  /// The client left while it waited; nobody reads the answer.
  case clientGone
  /// What lies in Redis is not what wf wrote; what it is, is for the log.
  case damaged(String)

  init(_ error: StoreError) {
    switch error {
    case .unavailable(let reason, let outcomeUnknown):
      self = .unavailable(reason: reason, outcomeUnknown: outcomeUnknown)
    case .refused(let cause, let reason, let outcomeUnknown):
      self = .refused(cause: cause, reason: reason, outcomeUnknown: outcomeUnknown)
    case .damaged(let what): self = .damaged(what)
    }
  }

  /// Why something could not be read.
  init(reading error: StoreError) {
    switch error {
    case .unavailable(let reason, _): self = .unreadable(reason: reason)
    case .refused(let cause, let reason, _): self = .refused(cause: cause, reason: reason, outcomeUnknown: false)
    case .damaged(let what): self = .damaged(what)
    }
  }

  /// What the log says beside the answer.
  var reason: String? {
    switch self {
    case .unavailable(let reason, _), .unreadable(let reason), .damaged(let reason): reason
    case .refused(_, let reason, _): reason
    default: nil
    }
  }

  /// The status of HTTP.
  var status: Int {
    switch self {
    case .invalid: 422
    case .unauthorized: 401
    case .notFound: 404
    case .methodNotAllowed: 405
    case .conflict: 409
    case .tooLarge: 413
    case .unsupportedMediaType, .unsupportedEncoding: 415
    case .misdirected: 421
    case .unavailable, .unreadable, .refused, .busy: 503
    // nginx's number for a client that closed its request.
    case .clientGone: 499
    case .damaged: 500
    }
  }

  /// The answer: `{"detail": …}`, and the headers that belong to the status.
  var response: FastCGIResponse {
    .json(status: status, ["detail": detail], headers: headers)
  }

  private var detail: JSONValue {
    if case .invalid(let faults) = self { .array(faults.map(\.json)) } else { .string(sentence) }
  }

  /// What any client may read. Addresses, paths and the words of other services are for the log alone (``reason``).
  var sentence: String {
    switch self {
    case .invalid: "the request is invalid"
    case .unauthorized:
      """
      this API answers clients on its own host only; with WF_ALLOW_ANONYMOUS=1 it answers everybody whom nginx lets \
      through
      """
    case .misdirected(let host):
      """
      this API answers on its own host only, there as localhost, as a loopback address and under the host of WF_URL, \
      \(host.map { "not as \($0.cut(toBytes: 100))" } ?? "and the request names no host")
      """
    case .notFound(let what): what
    case .methodNotAllowed(let allow): "Method Not Allowed; this path answers \(allow.joined(separator: ", "))"
    case .conflict(let job): "this Idempotency-Key was used with another body, for job \(job)"
    case .tooLarge(let limit): "the body is larger than \(limit) bytes (WF_MAX_BODY_BYTES)"
    case .unsupportedMediaType(let type):
      "the body is read as JSON, not as \(type); send the header Content-Type: application/json"
    case .unsupportedEncoding(let coding): "a body with Content-Encoding: \(coding) is not read; send it uncoded"
    case .unavailable(_, outcomeUnknown: true):
      "Redis did not answer in time, and whether the request took effect is unknown; repeating it is safe with an Idempotency-Key"
    case .unavailable(_, outcomeUnknown: false): "Redis is not available; nothing was written, try again"
    case .busy(let what): what
    case .clientGone: "the client has closed the connection"
    case .unreadable: "Redis is not available; try again"
    case .refused(let cause, _, outcomeUnknown: false):
      "Redis refuses the request (\(cause)); nothing was written, and the log of wf api says what to do"
    case .refused(let cause, _, outcomeUnknown: true):
      """
      Redis refuses the request (\(cause)), and whether it took effect is unknown; repeating it is safe with an \
      Idempotency-Key, and the log of wf api says what to do
      """
    case .damaged: "what Redis holds is not what wf wrote; the log of wf api says more"
    }
  }

  private var headers: [(name: String, value: String)] {
    switch self {
    case .methodNotAllowed(let allow): [("Allow", allow.joined(separator: ", "))]
    case .unavailable, .unreadable, .refused: [("Retry-After", "2")]
    case .busy: [("Retry-After", "1")]
    case .conflict(let job): [("Location", "/status/\(job)")]
    // RFC 9110, section 12.5.3: what a request may be coded in.
    case .unsupportedEncoding: [("Accept-Encoding", "identity")]
    default: []
    }
  }
}

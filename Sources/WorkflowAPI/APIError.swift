import ExactJSON
import FastCGI
import Workflow
import WorkflowStore

/// An error of the API, which renders its own response.
enum APIError: Error, Sendable, Equatable {
  /// The body or a header is invalid; all faults.
  case invalid([ValidationFault])
  /// The client is not on this host, and others are not allowed.
  case unauthorized
  /// The request has no key of this API; the value says what it has.
  case noKey(String)
  /// The key of the request is none of this API.
  case unknownKey
  /// The API wants keys, and has none yet.
  case noKeys
  /// The client may not do that; the value is the message.
  case forbidden(String)
  /// The name of the key has as much as it may have; the value is the message.
  case limited(String, retryAfter: Int)
  /// The request's `Host` is not this API's, or missing.
  case misdirected(host: String?)
  /// Nothing exists at this path; the value is the message.
  case notFound(String)
  /// The path exists, but not for this method.
  case methodNotAllowed(allow: [String])
  /// The idempotency key was used with another body, for this job.
  case conflict(JobID)
  /// The run is not in a state for that; the value is the message.
  case unfit(String)
  /// There are as many of something as there may be; the value is the message.
  case full(String)
  /// This host lacks something that the request needs; the value is the message.
  case incapable(String)
  /// The body is longer than the limit, in bytes.
  case tooLarge(limit: Int)
  /// The body has a type other than JSON, named in the value.
  case unsupportedMediaType(String)
  /// The path reads forms, and the body is none; the value is the message.
  case noForm(String)
  /// The body has a content coding, named in the value.
  case unsupportedEncoding(String)
  /// Redis is unreachable; the reason is for the log. `outcomeUnknown`: the request may have taken effect.
  case unavailable(reason: String, outcomeUnknown: Bool)
  /// Redis is unreachable for a request that only reads; the reason is for the log.
  case unreadable(reason: String)
  /// The servers of some partitions are unreachable; the reason is for the log.
  /// `outcomeUnknown`: nil for a request that only reads or may be repeated, else whether it may have taken effect.
  case down(partitions: [Int], reason: String, outcomeUnknown: Bool?)
  /// Redis refuses the request; `cause` is one word, the reason with its remedy is for the log.
  case refused(cause: String, reason: String, outcomeUnknown: Bool)
  /// Other requests use all of a quota; the value is the message.
  case busy(String)
  /// The client disconnected while it waited; the response is discarded.
  case clientGone
  /// The data in Redis was not written by wf; the value, which says what it is, is for the log.
  case damaged(String)

  /// Converts the error of a write.
  init(_ error: StoreError) {
    switch error {
    case .unavailable(let reason, let outcomeUnknown):
      self = .unavailable(reason: reason, outcomeUnknown: outcomeUnknown)
    case .down(let partitions, let reason, let outcomeUnknown):
      self = .down(partitions: partitions, reason: reason, outcomeUnknown: outcomeUnknown)
    case .refused(let cause, let reason, let outcomeUnknown):
      self = .refused(cause: cause, reason: reason, outcomeUnknown: outcomeUnknown)
    case .damaged(let what): self = .damaged(what)
    }
  }

  /// Converts the error of a read: no outcome is unknown.
  init(reading error: StoreError) {
    switch error {
    case .unavailable(let reason, _): self = .unreadable(reason: reason)
    case .down(let partitions, let reason, _):
      self = .down(partitions: partitions, reason: reason, outcomeUnknown: nil)
    case .refused(let cause, let reason, _): self = .refused(cause: cause, reason: reason, outcomeUnknown: false)
    case .damaged(let what): self = .damaged(what)
    }
  }

  /// Converts the error of a write that may be repeated without further ado.
  init(repeatable error: StoreError) {
    switch error {
    case .unavailable, .down: self.init(reading: error)
    case .refused, .damaged: self.init(error)
    }
  }

  /// The reason for the log, which clients must not see.
  var reason: String? {
    switch self {
    case .unavailable(let reason, _), .unreadable(let reason), .damaged(let reason): reason
    case .refused(_, let reason, _), .down(_, let reason, _): reason
    default: nil
    }
  }

  /// The HTTP status.
  var status: Int {
    switch self {
    case .invalid: 422
    case .unauthorized, .noKey, .unknownKey: 401
    case .forbidden: 403
    case .notFound: 404
    case .methodNotAllowed: 405
    case .conflict, .unfit, .full: 409
    case .tooLarge: 413
    case .unsupportedMediaType, .noForm, .unsupportedEncoding: 415
    case .misdirected: 421
    case .limited: 429
    case .unavailable, .unreadable, .down, .refused, .busy, .incapable, .noKeys: 503
    // nginx's status for a client that closed its request.
    case .clientGone: 499
    case .damaged: 500
    }
  }

  /// The response: `{"detail": …}` and the headers of the status.
  var response: FastCGIResponse {
    .json(status: status, ["detail": detail], headers: headers)
  }

  private var detail: JSONValue {
    if case .invalid(let faults) = self { .array(faults.map(\.json)) } else { .string(sentence) }
  }

  /// The message for clients. Addresses, paths and texts of other services are only in the log (``reason``).
  var sentence: String {
    switch self {
    case .invalid: "the request is invalid"
    case .unauthorized:
      """
      this API answers clients on its own host only; with WF_API_KEYS_FILE it answers those with a key, with \
      WF_ALLOW_ANONYMOUS=1 everybody whom nginx lets through
      """
    case .noKey(let what): "\(what); send Authorization: Bearer KEY (wf sends the key of WF_API_KEY)"
    case .unknownKey: "the key of this request is none of this API; it may have been revoked"
    case .noKeys: "this API wants a key, and cannot read any (WF_API_KEYS_FILE); its log says why"
    case .misdirected(let host):
      """
      this API answers on its own host only, there as localhost, as a loopback address and under the host of WF_URL, \
      \(host.map { "not as \($0.cut(toBytes: 100))" } ?? "and the request names no host")
      """
    case .forbidden(let what), .notFound(let what), .unfit(let what), .full(let what), .incapable(let what): what
    case .limited(let what, _), .noForm(let what): what
    case .methodNotAllowed(let allow): "Method Not Allowed; this path answers \(allow.joined(separator: ", "))"
    case .conflict(let job): "this Idempotency-Key was used with another body, for job \(job)"
    case .tooLarge(let limit): "the body is larger than \(limit) bytes (WF_MAX_BODY_BYTES)"
    case .unsupportedMediaType(let type):
      "the body is read as JSON, not as \(type); send the header Content-Type: application/json"
    case .unsupportedEncoding(let coding): "a body with Content-Encoding: \(coding) is not read; send it uncoded"
    case .unavailable(_, outcomeUnknown: true):
      "Redis did not answer in time, and whether the request took effect is unknown; repeating it is safe with an Idempotency-Key"
    case .unavailable(_, outcomeUnknown: false): "Redis is not available; nothing was written, try again"
    case .down(let partitions, _, let outcomeUnknown):
      Self.sentence(ofDown: partitions, outcomeUnknown: outcomeUnknown)
    case .busy(let what): what
    case .clientGone: "the client has closed the connection"
    case .unreadable: "Redis is not available; try again"
    case .refused(let cause, _, let outcomeUnknown): Self.sentence(ofRefusal: cause, outcomeUnknown: outcomeUnknown)
    case .damaged: "what Redis holds is not what wf wrote; the log of wf api says more"
    }
  }

  private static func sentence(ofRefusal cause: String, outcomeUnknown: Bool) -> String {
    outcomeUnknown
      ? """
      Redis refuses the request (\(cause)), and whether it took effect is unknown; repeating it is safe with an \
      Idempotency-Key, and the log of wf api says what to do
      """ : "Redis refuses the request (\(cause)); nothing was written, and the log of wf api says what to do"
  }

  private static func sentence(ofDown partitions: [Int], outcomeUnknown: Bool?) -> String {
    let names = "\(Partitions.named(partitions)) of Redis"
    return switch (outcomeUnknown, partitions.count) {
    case (nil, 1): "\(names) is not available; try again"
    case (nil, _): "\(names) are not available, and the answer would lack what is there; try again"
    case (false?, _): "\(names) is not available; nothing was written, try again"
    case (true?, _):
      """
      \(names) did not answer in time, and whether the request took effect is unknown; repeating it is safe with an \
      Idempotency-Key
      """
    }
  }

  private var headers: [(name: String, value: String)] {
    switch self {
    case .methodNotAllowed(let allow): [("Allow", allow.joined(separator: ", "))]
    case .unavailable, .unreadable, .down, .refused: [("Retry-After", "2")]
    case .busy: [("Retry-After", "1")]
    case .noKeys: [("Retry-After", "5")]
    case .limited(_, let seconds): [("Retry-After", "\(seconds)")]
    // RFC 6750, section 3: a request without a key has no fault.
    case .noKey: [("WWW-Authenticate", "Bearer realm=\"wf\"")]
    case .unknownKey: [("WWW-Authenticate", "Bearer realm=\"wf\", error=\"invalid_token\"")]
    case .incapable: [("Retry-After", "60")]
    case .conflict(let job): [("Location", "/status/\(job)")]
    // RFC 9110, section 12.5.3: the codings that are accepted.
    case .unsupportedEncoding: [("Accept-Encoding", "identity")]
    default: []
    }
  }
}

extension Partitions {
  /// Runs a read of all partitions, and converts its error.
  func reading<Value>(_ read: (Partitions) async throws(StoreError) -> Value) async throws(APIError) -> Value {
    do { return try await read(self) } catch { throw APIError(reading: error) }
  }
}

extension RunStore {
  /// Runs a read, and converts its error.
  func reading<Value>(_ read: (RunStore) async throws(StoreError) -> Value) async throws(APIError) -> Value {
    do { return try await read(self) } catch { throw APIError(reading: error) }
  }
}

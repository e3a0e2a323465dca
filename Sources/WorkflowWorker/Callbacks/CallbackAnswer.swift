import Curl
import LinuxSupport
import Workflow
import WorkflowLLM
import WorkflowStore

/// What an attempt to deliver a callback has come to, and what follows.
struct CallbackAnswer: Equatable {
  /// What follows by the answer alone.
  enum Meaning: Equatable {
    case delivered
    /// It is tried again, after so long at least.
    case failed(after: Duration?)
    /// It is given up.
    case refused
    /// The worker stops; the attempt does not count.
    case cancelled
  }

  let meaning: Meaning
  /// The receiver's status; nil when it has not answered.
  var status: Int?
  /// Why it is not delivered, for clients that may see the callback: of the URL scheme, host and port alone.
  var reason = ""
  /// What only the log says besides.
  var detail = ""

  /// What a receiver has answered. Only 2xx says that it has the callback; 410 that it wants no more.
  init(_ status: Int, headers: [HTTPHeader], from url: HTTPURL) {
    self.status = status
    switch status {
    case 200..<300: meaning = .delivered
    case 410:
      meaning = .refused
      reason = "\(url.origin) answered 410: it wants no callbacks any more"
    case 300..<400:
      meaning = .failed(after: nil)
      reason = "\(url.origin) answered \(status): redirects are not followed; callback_url must be where it leads"
    default:
      let response = HTTPResponse(status: status, headers: headers)
      let wait = [429, 503].contains(status) ? RetryAfter.duration(in: response, now: RetryAfter.now()) : nil
      meaning = .failed(after: wait)
      reason = "\(url.origin) answered \(status)"
    }
  }

  /// There was no answer.
  /// - Parameter timeout: what an attempt may take.
  init(_ error: HTTPError, from url: HTTPURL, timeout: Duration, connectTimeout: Duration) {
    let origin = url.origin
    detail = "\(error)"
    switch error {
    case .cancelled, .closed: meaning = .cancelled
    case .refusedAddress:
      meaning = .refused
      reason = "\(origin) has an address that is not public (WF_CALLBACK_ALLOW_PRIVATE)"
    case .invalidRequest:
      meaning = .refused
      reason = "the request to \(origin) cannot be sent"
    default:
      meaning = .failed(after: nil)
      reason = Self.sentence(error, origin, timeout: timeout, connectTimeout: connectTimeout)
    }
  }

  /// The URL may not be called.
  init(_ error: HTTPURLError) {
    meaning = .refused
    reason = error.description
  }

  private static func sentence(
    _ error: HTTPError, _ origin: String, timeout: Duration, connectTimeout: Duration
  ) -> String {
    switch error {
    case .timedOut(.connecting): "no connection to \(origin) was made within \(connectTimeout.inSeconds)"
    case .timedOut: "\(origin) did not answer within \(timeout.inSeconds) (WF_CALLBACK_TIMEOUT_S)"
    case .untrusted: "the certificate of \(origin) is not trusted"
    case .tlsFailed: "TLS with \(origin) failed"
    case .cannotConnect, .proxyRefused: "there is no connection to \(origin)"
    default: "the connection to \(origin) broke off"
    }
  }

  /// Whether the receiver should get less: it does not answer, or says that it cannot. An answer such as 404 is about
  /// one callback.
  var isOfTroubledReceiver: Bool {
    guard case .failed = meaning else { return false }
    return status.map { $0 == 429 || $0 >= 500 } ?? true
  }

  /// What follows after an attempt.
  /// - Parameters:
  ///   - attempt: its number, from 1.
  ///   - random: what the wait is varied by, from 0 to 1.
  func outcome(attempt: Int, random: Double) -> CallbackOutcome {
    switch meaning {
    case .delivered: .delivered(status: status ?? 0)
    case .cancelled: .givenBack
    case .refused: .dead(status: status, error: reason)
    case .failed(let least):
      if let wait = CallbackWaits.wait(after: attempt, random: random) {
        .repeated(after: max(wait, least ?? .zero), status: status, error: reason)
      } else {
        .dead(status: status, error: reason)
      }
    }
  }
}

/// How long a callback waits between its attempts: about a day in all.
enum CallbackWaits {
  /// The wait after each attempt but the last, in seconds.
  static let seconds = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800]
  /// How many attempts there are.
  static let attempts = seconds.count + 1

  /// The wait after an attempt, up to a fifth shorter or longer than listed; nil after the last one.
  static func wait(after attempt: Int, random: Double) -> Duration? {
    guard attempt <= seconds.count else { return nil }
    return .milliseconds(Int(Double(seconds[max(0, attempt - 1)]) * (800 + 400 * random)))
  }
}

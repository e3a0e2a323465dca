/// What a handler answers.
///
/// Headers are sent as they are: a name that is no token, or a value with CR, LF or NUL in it, is a mistake of the
/// handler's and stops the process. Clean what comes from outside before it gets here. `Status` and `Content-Length`
/// are the server's to write.
public struct FastCGIResponse: Sendable {
  /// The status of HTTP, 200 to 599.
  public var status: Int
  /// In the order in which they are sent.
  public var headers: [(name: String, value: String)]
  /// What follows the headers. A request with the method HEAD gets the headers only.
  public var body: Body
  /// An object that is let go of once the answer has been sent, or its client has gone; for what the answer takes until
  /// then.
  public var holding: (any Sendable)?

  /// An answer; without arguments an empty 200.
  public init(status: Int = 200, headers: [(name: String, value: String)] = [], body: Body = .bytes([])) {
    self.status = status
    self.headers = headers
    self.body = body
    holding = nil
  }

  /// The body of an answer.
  public enum Body: Sendable {
    /// All of it, sent with a `Content-Length`.
    case bytes([UInt8])
    /// The same in pieces, so that a large body need not be copied together.
    case pieces([[UInt8]])
    /// Pieces over time: the headers go out at once, then what the closure writes; the answer ends when it returns.
    ///
    /// Its task is cancelled when the client has gone or the server stops. nginx passes the pieces on as they come
    /// only with `fastcgi_buffering off` or the header `X-Accel-Buffering: no`.
    case stream(@Sendable (FastCGIBodyStream) async -> Void)
  }
}

/// The response of a handler.
///
/// Headers are sent unchanged: a name that is not a token, or a value that contains CR, LF or NUL, stops the process,
/// so sanitise external input first. The server itself writes `Status` and `Content-Length`.
public struct FastCGIResponse: Sendable {
  /// The HTTP status, 200 to 599.
  public var status: Int
  /// The headers, sent in this order.
  public var headers: [(name: String, value: String)]
  /// The body. The response to a HEAD request is sent without it.
  public var body: Body
  /// An object that is released once the response was sent or its client has disconnected, such as a share of a quota.
  public var holding: (any Sendable)?

  /// A response; without arguments an empty 200.
  public init(status: Int = 200, headers: [(name: String, value: String)] = [], body: Body = .bytes([])) {
    self.status = status
    self.headers = headers
    self.body = body
    holding = nil
  }

  /// The body of a response.
  public enum Body: Sendable {
    /// The whole body, sent with a `Content-Length`.
    case bytes([UInt8])
    /// The whole body in pieces, so that a large one need not be copied into one array.
    case pieces([[UInt8]])
    /// A stream: the headers are sent at once, then what the closure writes; the response ends when the closure
    /// returns.
    ///
    /// The closure's task is cancelled when the client disconnects or the server stops. nginx forwards each piece at
    /// once only with `fastcgi_buffering off` or the header `X-Accel-Buffering: no`.
    case stream(@Sendable (FastCGIBodyStream) async -> Void)
  }
}

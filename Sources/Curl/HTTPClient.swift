/// Sends HTTP requests through libcurl; one thread carries all of a client's transfers.
///
/// Make one per process and share it: connections are kept and used again. No redirect is followed, and only `http`
/// and `https` are spoken; HTTP/2 where TLS negotiates it.
public final class HTTPClient: Sendable {
  /// Bytes that may wait for the reader of a stream before its transfer is paused.
  static let streamBuffer = 256 << 10

  /// As given at the start; it does not change.
  let configuration: HTTPClientConfiguration
  private let loop: MultiLoop

  /// Starts the thread.
  public init(_ configuration: HTTPClientConfiguration = .init()) {
    precondition(HTTPRequest.isFieldValue(configuration.userAgent ?? ""), "a user agent is one line of text")
    self.configuration = configuration
    loop = MultiLoop(configuration)
  }

  deinit { close() }

  /// Sends the request and collects the response. Any status is a response; no status is an error.
  ///
  /// A request whose kept connection breaks before the answer begins is sent again on another, unless its method is POST or
  /// PATCH: those are sent once.
  ///
  /// Cancelling the task closes the connection and throws `cancelled`.
  public func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
    let exchange = try Exchange(request, over: self, buffering: .max)
    let head = try await exchange.head()
    var body: [UInt8] = []
    while let piece = try await exchange.next() {
      if body.isEmpty { body = piece } else { body += piece }
    }
    return HTTPResponse(status: head.status, headers: head.headers, body: body)
  }

  /// Sends the request and returns at the end of the headers; the body follows as it arrives.
  ///
  /// Cancelling the task closes the connection and throws `cancelled`. The request's `timeout` goes on to the last
  /// byte of the body.
  public func stream(_ request: HTTPRequest) async throws(HTTPError) -> HTTPStreamingResponse {
    let exchange = try Exchange(request, over: self, buffering: Self.streamBuffer)
    let head = try await exchange.head()
    return HTTPStreamingResponse(status: head.status, headers: head.headers, body: HTTPBody(exchange: exchange))
  }

  /// Fails what is under way, and every later request, with `closed`; returns when the thread has ended.
  public func close() { loop.close() }

  /// Hands a command to the thread; false when the client is closed.
  @discardableResult
  func post(_ command: Mailbox.Command) -> Bool { loop.mailbox.post(command) }
}

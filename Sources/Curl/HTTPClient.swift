/// Sends HTTP requests with libcurl. One thread performs all transfers of a client.
///
/// Create one client per process and share it: it keeps and reuses connections. It does not follow redirects, and
/// supports `http` and `https` only; HTTP/2 where TLS negotiates it.
public final class HTTPClient: Sendable {
  /// How many bytes may wait for the reader of a stream before its transfer pauses, where nothing else is said.
  public static let streamBuffer = 256 << 10

  /// The configuration.
  let configuration: HTTPClientConfiguration
  private let loop: MultiLoop

  /// Loads libcurl, unless the process has loaded it already.
  ///
  /// The first client of a process does so too, and ends the process when that fails.
  /// - Throws: why libcurl cannot be used.
  public static func loadLibrary() throws(HTTPLibraryError) { try CurlLibrary.require() }

  /// Starts the thread.
  public init(_ configuration: HTTPClientConfiguration = .init()) {
    precondition(HTTPRequest.isFieldValue(configuration.userAgent ?? ""), "a user agent is one line of text")
    self.configuration = configuration
    loop = MultiLoop(configuration)
  }

  deinit { close() }

  /// Sends a request and waits for the whole response, whatever its status.
  ///
  /// If a kept connection fails before the response begins, the request is sent again on another connection, unless its
  /// method is POST or PATCH: those are sent once.
  /// - Throws: `HTTPError`; `cancelled` after cancelling the task, which closes the connection.
  public func send(_ request: HTTPRequest) async throws(HTTPError) -> HTTPResponse {
    let handle = try RequestHandle(request, over: self, buffering: .max)
    let head = try await handle.head()
    var body: [UInt8] = []
    while let piece = try await handle.next() {
      if body.isEmpty { body = piece } else { body += piece }
    }
    return HTTPResponse(status: head.status, headers: head.headers, body: body)
  }

  /// Sends a request and returns once the headers have arrived; the body is a stream.
  ///
  /// The request's `timeout` includes the body.
  /// - Parameter limit: how many bytes may wait for the reader before the transfer pauses.
  /// - Throws: `HTTPError`; `cancelled` after cancelling the task, which closes the connection.
  public func stream(
    _ request: HTTPRequest, buffering limit: Int = HTTPClient.streamBuffer
  ) async throws(HTTPError) -> HTTPStreamingResponse {
    let handle = try RequestHandle(request, over: self, buffering: limit)
    let head = try await handle.head()
    return HTTPStreamingResponse(status: head.status, headers: head.headers, body: HTTPBody(handle: handle))
  }

  /// Fails all pending and later requests with `closed`, and waits until the thread has ended.
  public func close() { loop.close() }

  /// Passes a command to the thread.
  /// - Returns: false when the client is closed.
  @discardableResult
  func post(_ command: Mailbox.Command) -> Bool { loop.mailbox.post(command) }
}

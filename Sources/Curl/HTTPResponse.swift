/// A response with its body.
public struct HTTPResponse: Sendable {
  /// The status. Redirects are not followed.
  public var status: Int

  /// The headers of the final response, without interim (1xx) responses and trailers. Repeated fields are repeated.
  public var headers: [HTTPHeader]

  /// The body, decompressed.
  public var body: [UInt8]

  /// Creates a response, for tests.
  public init(status: Int, headers: [HTTPHeader] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// The value of the first field of a name, in any case; nil when there is none.
  public func header(_ name: String) -> String? { headers.first(named: name) }
}

/// A response whose headers have arrived and whose body is a stream.
public struct HTTPStreamingResponse: Sendable {
  /// The status. Redirects are not followed.
  public let status: Int

  /// The headers of the final response, without interim (1xx) responses. Repeated fields are repeated.
  public let headers: [HTTPHeader]

  /// The body, to be read once, by one task. Releasing the body and its iterators aborts the transfer.
  public let body: HTTPBody

  /// The value of the first field of a name, in any case; nil when there is none.
  public func header(_ name: String) -> String? { headers.first(named: name) }
}

/// The body of a response as a stream of pieces, decompressed.
///
/// The transfer pauses while a number of bytes wait for the reader. After an error or the end, `next` returns the same
/// again.
public struct HTTPBody: AsyncSequence, Sendable {
  /// The source of the pieces; it keeps the transfer alive.
  let handle: RequestHandle

  /// Continues where the last iterator stopped: read pieces are not kept.
  public func makeAsyncIterator() -> Iterator { Iterator(handle: handle) }

  /// Passes the rest on as it comes, on the client's thread: no task is woken for each piece. Returns at the end.
  /// - Parameter take: gets the pieces, in order and one at a time; false aborts the transfer. It must not take long:
  ///   the thread does nothing else meanwhile.
  /// - Throws: `cancelled` after `take` has returned false, and after cancelling the task, which aborts the transfer;
  ///   else why the body is incomplete.
  public func passOn(to take: @escaping @Sendable (UnsafeRawBufferPointer) -> Bool) async throws(HTTPError) {
    try await handle.passOn(to: take)
  }

  /// Aborts the transfer: its connection is closed, and what has not been read is discarded. Afterwards `next` throws
  /// `cancelled`, unless the body had ended.
  public func cancel() { handle.abort() }

  /// Reads the pieces, for one task at a time.
  public struct Iterator: AsyncIteratorProtocol {
    /// Shared with the body: either keeps the transfer alive.
    let handle: RequestHandle

    /// The bytes that arrived since the last call, at least one; nil at the end of the body.
    /// - Throws: `cancelled` after cancelling the task, which aborts the transfer; else why the body is incomplete.
    public mutating func next() async throws(HTTPError) -> [UInt8]? { try await handle.next() }
  }
}

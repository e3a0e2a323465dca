/// A request and its response, for the task that sends it.
///
/// It keeps the client open. Releasing it aborts the transfer.
final class RequestHandle: Sendable {
  private let client: HTTPClient
  private let transfer: Transfer

  /// Starts the transfer.
  /// - Parameter limit: how many bytes of the body may wait for `next` before the transfer pauses.
  /// - Throws: `cancelled` in a cancelled task, `invalidRequest`.
  init(_ request: HTTPRequest, over client: HTTPClient, buffering limit: Int) throws(HTTPError) {
    guard !Task.isCancelled else { throw .cancelled }
    transfer = try Transfer(request, client.configuration, buffer: ResponseBuffer(limit: limit))
    self.client = client
    if !client.post(.start(transfer)) { transfer.buffer.finish(.failure(.closed)) }
  }

  deinit { abort() }

  /// Waits for the headers.
  func head() async throws(HTTPError) -> ResponseHead {
    try await withTaskCancellationHandler {
      await transfer.buffer.head()
    } onCancel: {
      abort()
    }.get()
  }

  /// Waits for the next bytes of the body; nil at its end.
  func next() async throws(HTTPError) -> [UInt8]? {
    if !Task.isCancelled, let (bytes, isPaused) = transfer.buffer.nextAtOnce() {
      if isPaused { client.post(.resume(transfer)) }
      return try bytes.get()
    }
    let (bytes, isPaused) = await withTaskCancellationHandler {
      await transfer.buffer.next()
    } onCancel: {
      abort()
    }
    if isPaused { client.post(.resume(transfer)) }
    return try bytes.get()
  }

  /// Has the bytes of the body taken on the client's thread, as they come; returns at its end.
  func passOn(to taker: @escaping BodyTaker) async throws(HTTPError) {
    while let (bytes, isPaused) = transfer.buffer.nextAtOnce(orPassOnTo: taker) {
      if isPaused { client.post(.resume(transfer)) }
      guard let piece = try bytes.get() else { return }
      if !piece.withUnsafeBytes(taker) { abort() }
    }
    try await withTaskCancellationHandler {
      await transfer.buffer.end()
    } onCancel: {
      abort()
    }.get()
  }

  /// Ends the response at once; the client's thread closes the connection soon after.
  func abort() {
    if transfer.buffer.finish(.failure(.cancelled)) { client.post(.abort(transfer)) }
  }
}

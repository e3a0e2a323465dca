/// One request and its response, as the task that asked sees them.
///
/// It keeps the client open. When its last owner lets go of it, what is still under way is aborted.
final class Exchange: Sendable {
  private let client: HTTPClient
  private let transfer: Transfer

  /// Starts the transfer. At most `limit` bytes of the body wait for `next`, then the transfer pauses.
  init(_ request: HTTPRequest, over client: HTTPClient, buffering limit: Int) throws(HTTPError) {
    guard !Task.isCancelled else { throw .cancelled }
    transfer = try Transfer(request, client.configuration, pipe: ResponsePipe(limit: limit))
    self.client = client
    if !client.post(.start(transfer)) { transfer.pipe.finish(.failure(.closed)) }
  }

  deinit { abort() }

  /// Waits for the end of the headers.
  func head() async throws(HTTPError) -> ResponseHead {
    try await withTaskCancellationHandler {
      await transfer.pipe.head()
    } onCancel: {
      abort()
    }.get()
  }

  /// Waits for the next bytes of the body; nil at its end.
  func next() async throws(HTTPError) -> [UInt8]? {
    let piece = try await withTaskCancellationHandler {
      await transfer.pipe.next()
    } onCancel: {
      abort()
    }.get()
    if transfer.pipe.takePause() { client.post(.resume(transfer)) }
    return piece
  }

  /// The reader hears of it at once, the thread closes the connection a moment later.
  private func abort() {
    if transfer.pipe.finish(.failure(.cancelled)) { client.post(.abort(transfer)) }
  }
}

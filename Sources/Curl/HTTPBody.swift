/// The pieces of a response's body, decompressed, as they arrive.
///
/// A reader that falls behind stops the transfer, and with it the server, once 256 KiB wait for it. After an error
/// or the end, `next` repeats it.
public struct HTTPBody: AsyncSequence, Sendable {
  /// What brings the pieces, and keeps the transfer alive.
  let exchange: Exchange

  /// Reads on from where the last iterator stopped: the pieces are not kept.
  public func makeAsyncIterator() -> Iterator { Iterator(exchange: exchange) }

  /// Reads the pieces, for one task at a time.
  public struct Iterator: AsyncIteratorProtocol {
    /// Shared with the body, so that either keeps the transfer alive.
    let exchange: Exchange

    /// The bytes that have arrived since the last call, at least one; nil at the end of the body.
    ///
    /// Cancelling the task aborts the transfer, and `next` throws `cancelled`.
    public mutating func next() async throws(HTTPError) -> [UInt8]? { try await exchange.next() }
  }
}

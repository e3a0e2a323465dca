/// Thrown when the client hung up, or was disconnected because it did not read.
public struct FastCGIClientGone: Error {
  /// Creates the error.
  public init() {}
}

/// Sends the body of a streamed response, piece by piece.
public struct FastCGIBodyStream: Sendable {
  private let response: OutgoingResponse

  /// The stream of a response.
  init(_ response: OutgoingResponse) {
    self.response = response
  }

  /// Sends a piece and waits until it is written, without blocking a thread.
  ///
  /// A client is disconnected when it reads nothing for `writeTimeout`, and when several tasks write at the same time
  /// and more than `maxQueuedStreamBytes` wait.
  /// - Throws: `FastCGIClientGone` when the client has disconnected.
  public func write(_ bytes: [UInt8]) async throws(FastCGIClientGone) {
    guard await response.write(bytes) else { throw FastCGIClientGone() }
  }

  /// Whether the client has disconnected. The task is cancelled at that moment.
  public var isClientGone: Bool { response.isClientGone }

  /// Whether the server is stopping and waits for the stream to end. The task is cancelled at that moment; pieces that
  /// it writes before it returns still reach the client.
  public var isStopping: Bool { response.isStopping }
}

/// The client has hung up, or was dropped because it did not read.
public struct FastCGIClientGone: Error {
  /// The error.
  public init() {}
}

/// The way to the client while an answer is being made.
public struct FastCGIBodyStream: Sendable {
  private let delivery: Delivery

  /// The stream that the delivery brings to its client.
  init(_ delivery: Delivery) {
    self.delivery = delivery
  }

  /// Sends a piece, and returns when it is on its way: a slow client slows the stream down, without holding a thread.
  ///
  /// A client that reads nothing for `writeTimeout` is dropped; so is one for which pieces of more than
  /// `maxQueuedStreamBytes` wait, which takes several tasks that write at the same time.
  public func write(_ bytes: [UInt8]) async throws(FastCGIClientGone) {
    guard await delivery.write(bytes) else { throw FastCGIClientGone() }
  }

  /// Whether the client has gone. The task is cancelled at that moment.
  public var isClientGone: Bool { delivery.isClientGone }

  /// Whether the server is stopping and waits for the stream to end. The task is cancelled at that moment; what is
  /// written until it returns still reaches the client.
  public var isStopping: Bool { delivery.isStopping }
}

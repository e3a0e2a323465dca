import Synchronization

/// A response that a writer thread sends: a large one, or a stream.
///
/// The task that answers adds bytes and waits; the writer thread writes them, and owns the connection until `complete`.
final class OutgoingResponse: Sendable {
  private struct State {
    var buffer = WriteBuffer()
    var result: Bool?
    var waiting: CheckedContinuation<Bool, Never>?
    var isStopping = false
    var cancelProducer: (@Sendable () -> Void)?
  }

  /// Owned by the writer until the response is complete.
  let connection: Connection
  /// Whether the body is a stream, so that a hang-up is noticed while there is nothing to write.
  let isStream: Bool
  private let writer: Writer
  private let maxQueuedBytes: Int
  private let state = Mutex(State())

  /// - Parameter maxQueuedBytes: how many bytes may wait for a slow peer before it is disconnected.
  init(on connection: Connection, by writer: Writer, isStream: Bool, maxQueuedBytes: Int) {
    self.connection = connection
    self.writer = writer
    self.isStream = isStream
    self.maxQueuedBytes = maxQueuedBytes
  }

  /// Whether the peer hung up, or was disconnected because it did not read.
  var isClientGone: Bool { state.withLock { $0.result == false } }

  /// Whether the server is stopping, so that a stream should end.
  var isStopping: Bool { state.withLock { $0.isStopping } }
}

// MARK: - Called by the task that answers

extension OutgoingResponse {
  /// Adds bytes without waiting for them to be written.
  func send(_ bytes: [UInt8]) {
    _ = state.withLock { $0.buffer.append(bytes) }
    writer.schedule(self)
  }

  /// Adds bytes and waits until they are written.
  /// - Returns: false when the client has disconnected.
  func write(_ bytes: [UInt8]) async -> Bool {
    await withCheckedContinuation { continuation in
      if enqueue(bytes, { continuation.resume(returning: $0) }) {
        writer.schedule(self)
      } else {
        continuation.resume(returning: false)
      }
    }
  }

  /// Ends the response and waits until all of it is written.
  /// - Returns: false when the client has disconnected.
  func finish() async -> Bool {
    state.withLock { $0.buffer.end() }
    writer.schedule(self)
    return await withCheckedContinuation { continuation in
      let result = state.withLock { state in
        if state.result == nil { state.waiting = continuation }
        return state.result
      }
      if let result { continuation.resume(returning: result) }
    }
  }

  /// Sets the closure that is called when the client disconnects or the server stops; called at once if that has
  /// happened.
  func onEnding(_ cancel: @escaping @Sendable () -> Void) {
    let isEnding = state.withLock { state in
      state.cancelProducer = cancel
      return state.isStopping || state.result == false
    }
    if isEnding { cancel() }
  }

  /// Asks the producer of a stream to end it.
  func serverStops() {
    let cancel = state.withLock { state in
      state.isStopping = true
      return state.cancelProducer
    }
    cancel?()
  }

  /// - Returns: false after the end, and when too many bytes wait: then the peer is disconnected.
  private func enqueue(_ bytes: [UInt8], _ acknowledge: @escaping WriteBuffer.Acknowledgement) -> Bool {
    state.withLock { state in
      // Without a result the writer still owns the connection, so it is open.
      guard state.result == nil else { return false }
      guard state.buffer.count == 0 || state.buffer.count + bytes.count <= maxQueuedBytes else {
        connection.shutDown()
        return false
      }
      return state.buffer.append(bytes, acknowledge)
    }
  }
}

// MARK: - Called by the writer

extension OutgoingResponse {
  /// The next slice to write, or whether to end or wait.
  var nextWrite: WriteBuffer.NextWrite { state.withLock { $0.buffer.next(atMost: Connection.sliceLength) } }

  /// Whether the writer has released the connection.
  var isComplete: Bool { state.withLock { $0.result != nil } }

  /// Notes that bytes of the last slice were written.
  func wrote(_ count: Int) {
    state.withLock { $0.buffer.wrote(count) }?(true)
  }

  /// Releases the connection.
  /// - Parameter isDelivered: whether all was written; false when the client has disconnected.
  func complete(_ isDelivered: Bool) {
    let (unwritten, waiting, cancel) = state.withLock { state in
      state.result = isDelivered
      defer { state.waiting = nil }
      return (state.buffer.fail(), state.waiting, isDelivered ? nil : state.cancelProducer)
    }
    for acknowledge in unwritten { acknowledge(false) }
    cancel?()
    waiting?.resume(returning: isDelivered)
  }
}

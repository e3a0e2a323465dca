import Synchronization

/// An answer that a writer thread brings to its peer: a large one, or one that is made while it is sent.
///
/// The task that answers adds to it and waits; the writer thread takes from it, and has the connection until
/// `complete`.
final class Delivery: Sendable {
  private struct State {
    var queue = DeliveryQueue()
    var result: Bool?
    var waiting: CheckedContinuation<Bool, Never>?
    var isStopping = false
    var cancelProducer: (@Sendable () -> Void)?
  }

  /// The writer's until the delivery is complete.
  let connection: Connection
  /// Whether the peer is watched even while there is nothing to write.
  let isStream: Bool
  private let writer: Writer
  private let maxQueuedBytes: Int
  private let state = Mutex(State())

  /// A delivery that the writer begins with the first bytes.
  ///
  /// - Parameter maxQueuedBytes: how much may wait before a peer that does not read is cut off
  init(on connection: Connection, by writer: Writer, isStream: Bool, maxQueuedBytes: Int) {
    self.connection = connection
    self.writer = writer
    self.isStream = isStream
    self.maxQueuedBytes = maxQueuedBytes
  }

  /// Whether the peer hung up, or was dropped because it did not read.
  var isClientGone: Bool { state.withLock { $0.result == false } }

  /// Whether the server is stopping, so that the answer should come to its end.
  var isStopping: Bool { state.withLock { $0.isStopping } }
}

// MARK: - The side of the task that answers

extension Delivery {
  /// Adds bytes without waiting for them to be written.
  func send(_ bytes: [UInt8]) {
    _ = state.withLock { $0.queue.append(bytes) }
    writer.schedule(self)
  }

  /// Adds bytes, and returns when they have been written; false when the client has gone.
  func write(_ bytes: [UInt8]) async -> Bool {
    await withCheckedContinuation { continuation in
      if enqueue(bytes, { continuation.resume(returning: $0) }) {
        writer.schedule(self)
      } else {
        continuation.resume(returning: false)
      }
    }
  }

  /// Nothing more will be added. Returns when all has been written; false when the client has gone.
  func finish() async -> Bool {
    state.withLock { $0.queue.end() }
    writer.schedule(self)
    return await withCheckedContinuation { continuation in
      let result = state.withLock { state in
        if state.result == nil { state.waiting = continuation }
        return state.result
      }
      if let result { continuation.resume(returning: result) }
    }
  }

  /// Calls this when the client has gone or the server stops; at once if that is so already.
  func onEnding(_ cancel: @escaping @Sendable () -> Void) {
    let isEnding = state.withLock { state in
      state.cancelProducer = cancel
      return state.isStopping || state.result == false
    }
    if isEnding { cancel() }
  }

  /// Tells who makes the answer to come to an end.
  func serverStops() {
    let cancel = state.withLock { state in
      state.isStopping = true
      return state.cancelProducer
    }
    cancel?()
  }

  /// False after the end, and when the peer has left too much unread: then it is cut off.
  private func enqueue(_ bytes: [UInt8], _ acknowledge: @escaping DeliveryQueue.Acknowledgement) -> Bool {
    state.withLock { state in
      // Before there is a result the writer has not given the connection back, so it is open.
      guard state.result == nil else { return false }
      guard state.queue.count == 0 || state.queue.count + bytes.count <= maxQueuedBytes else {
        connection.cutOff()
        return false
      }
      return state.queue.append(bytes, acknowledge)
    }
  }
}

// MARK: - The writer's side

extension Delivery {
  /// What to do next.
  var turn: DeliveryQueue.Turn { state.withLock { $0.queue.turn(atMost: Connection.sliceLength) } }

  /// Whether the writer has given the connection back.
  var isComplete: Bool { state.withLock { $0.result != nil } }

  /// The bytes of the last turn have gone out.
  func wrote(_ count: Int) {
    state.withLock { $0.queue.wrote(count) }?(true)
  }

  /// Gives the connection back: all has gone out, or the client has gone.
  func complete(_ isDelivered: Bool) {
    let (unwritten, waiting, cancel) = state.withLock { state in
      state.result = isDelivered
      defer { state.waiting = nil }
      return (state.queue.fail(), state.waiting, isDelivered ? nil : state.cancelProducer)
    }
    for acknowledge in unwritten { acknowledge(false) }
    cancel?()
    waiting?.resume(returning: isDelivered)
  }
}

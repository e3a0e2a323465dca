import Synchronization

/// Status and headers of a final response.
struct ResponseHead: Sendable {
  /// The status: 200 or above, or 101.
  var status: Int
  /// The headers in the order of arrival, repeated fields repeated.
  var headers: [HTTPHeader]
}

/// A response between the client's thread, which writes it, and the one task that reads it.
///
/// It ends once: the first of success, failure and cancellation counts.
final class ResponseBuffer: Sendable {
  /// The result of a write.
  enum Acceptance {
    /// All bytes were accepted.
    case accepted
    /// No byte was accepted; the same bytes must be written again after the reader has read.
    case full
    /// The response has ended; the bytes were discarded.
    case ended
  }

  private struct State {
    var head: ResponseHead?
    var bytes: [UInt8] = []
    var isPaused = false
    var end: Result<Void, HTTPError>?
  }

  private let limit: Int
  private let state = Mutex(State())
  private let waker = TaskWaker()

  /// - Parameter limit: how many bytes the buffer holds; a single larger piece is accepted too.
  init(limit: Int) { self.limit = limit }

  /// Whether the response has ended.
  var isEnded: Bool { state.withLock { $0.end != nil } }

  // MARK: Called by the client's thread

  /// Sets the headers; once, before any byte.
  func begin(_ head: ResponseHead) {
    state.withLock { $0.head = head }
    waker.wake()
  }

  /// Adds all of the bytes or none.
  func write(_ bytes: UnsafeRawBufferPointer) -> Acceptance {
    let acceptance = state.withLock { state -> Acceptance in
      guard state.end == nil else { return .ended }
      guard state.bytes.isEmpty || state.bytes.count + bytes.count <= limit else {
        state.isPaused = true
        return .full
      }
      state.bytes.append(contentsOf: bytes)
      return .accepted
    }
    if acceptance == .accepted { waker.wake() }
    return acceptance
  }

  /// Ends the response. After a failure the reader still gets the bytes before it; after a cancellation they are
  /// discarded.
  /// - Returns: false when it had ended before.
  @discardableResult
  func finish(_ end: Result<Void, HTTPError>) -> Bool {
    let isFirst = state.withLock { state in
      guard state.end == nil else { return false }
      state.end = end
      if case .failure(.cancelled) = end { (state.head, state.bytes) = (nil, []) }
      return true
    }
    if isFirst { waker.wake() }
    return isFirst
  }

  // MARK: Called by the reader

  /// Waits for the headers or a failure.
  func head() async -> Result<ResponseHead, HTTPError> {
    await firstValue { state in
      if let head = state.head { return .success(head) }
      if case .failure(let error) = state.end { return .failure(error) }
      return nil
    }
  }

  /// Waits for bytes and removes all of them; nil at the end.
  func next() async -> Result<[UInt8]?, HTTPError> {
    await firstValue { state in
      guard state.bytes.isEmpty else {
        defer { state.bytes = [] }
        return .success(state.bytes)
      }
      return state.end?.map { nil }
    }
  }

  /// Whether the transfer has paused since the last call; the caller must then resume it.
  func takePause() -> Bool {
    state.withLock { state in
      defer { state.isPaused = false }
      return state.isPaused
    }
  }

  private func firstValue<Value: Sendable>(
    _ take: (inout State) -> Result<Value, HTTPError>?
  ) async -> Result<Value, HTTPError> {
    while true {
      if let value = state.withLock({ take(&$0) }) { return value }
      await waker.wait()
    }
  }
}

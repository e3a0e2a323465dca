import Synchronization

/// Where the client's thread, which writes a response, meets the one task that reads it.
///
/// It ends once: the first of success, failure and cancellation wins, and what comes later is ignored.
final class ResponsePipe: Sendable {
  /// What became of bytes that the thread brought.
  enum Acceptance {
    /// All bytes were taken.
    case accepted
    /// Nothing was taken; the same bytes must be brought again when the reader has caught up.
    case full
    /// Nobody reads any more.
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
  private let signal = Signal()

  /// A pipe that holds at most `limit` bytes, or one piece that is larger.
  init(limit: Int) { self.limit = limit }

  /// True once nothing more can be written.
  var isEnded: Bool { state.withLock { $0.end != nil } }

  // MARK: The thread's side

  /// Hands over the headers, once, before any byte.
  func begin(_ head: ResponseHead) {
    state.withLock { $0.head = head }
    signal.raise()
  }

  /// Takes all of the bytes or none.
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
    if acceptance == .accepted { signal.raise() }
    return acceptance
  }

  /// Ends the response; false when it had ended before. After a broken connection the reader still gets what came
  /// before; after its own cancellation it does not want it.
  @discardableResult
  func finish(_ end: Result<Void, HTTPError>) -> Bool {
    let isFirst = state.withLock { state in
      guard state.end == nil else { return false }
      state.end = end
      if case .failure(.cancelled) = end { (state.head, state.bytes) = (nil, []) }
      return true
    }
    if isFirst { signal.raise() }
    return isFirst
  }

  // MARK: The reader's side

  /// Waits for the headers, or for the failure that came instead.
  func head() async -> Result<ResponseHead, HTTPError> {
    await firstValue { state in
      if let head = state.head { return .success(head) }
      if case .failure(let error) = state.end { return .failure(error) }
      return nil
    }
  }

  /// Waits for bytes and takes all that are here; nil at the end.
  func next() async -> Result<[UInt8]?, HTTPError> {
    await firstValue { state in
      guard state.bytes.isEmpty else {
        defer { state.bytes = [] }
        return .success(state.bytes)
      }
      return state.end?.map { nil }
    }
  }

  /// True once for each pause: the caller then resumes the transfer.
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
      await signal.wait()
    }
  }
}

import Synchronization

/// Status and headers of a final response.
struct ResponseHead: Sendable {
  /// The status: 200 or above, or 101.
  var status: Int
  /// The headers in the order of arrival, repeated fields repeated.
  var headers: [HTTPHeader]
}

/// Takes bytes of a body in order, one call at a time; false to abort the transfer.
typealias BodyTaker = @Sendable (UnsafeRawBufferPointer) -> Bool

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
    /// Gets the bytes on the client's thread, instead of the reader; nil after the end.
    var taker: BodyTaker?
    /// The reader, which waits for a change.
    var reader: UnsafeContinuation<Void, Never>?
    /// Whether something has changed since the reader looked.
    var hasChanged = false

    /// Notes a change.
    /// - Returns: the reader, to be resumed outside the lock; nil when it does not wait.
    mutating func change() -> UnsafeContinuation<Void, Never>? {
      defer { reader = nil }
      hasChanged = reader == nil
      return reader
    }
  }

  private let limit: Int
  private let state = Mutex(State())

  /// - Parameter limit: how many bytes the buffer holds; a single larger piece is accepted too.
  init(limit: Int) { self.limit = limit }

  /// Whether the response has ended.
  var isEnded: Bool { state.withLock { $0.end != nil } }

  // MARK: Called by the client's thread

  /// Sets the headers; once, before any byte.
  func begin(_ head: ResponseHead) {
    let reader = state.withLock { state in
      state.head = head
      return state.change()
    }
    reader?.resume()
  }

  /// Adds all of the bytes or none.
  func write(_ bytes: UnsafeRawBufferPointer) -> Acceptance {
    let (acceptance, reader, taker) = state.withLock { state in add(bytes, to: &state) }
    reader?.resume()
    if let taker, !taker(bytes) {
      finish(.failure(.cancelled))
      return .ended
    }
    return acceptance
  }

  private func add(
    _ bytes: UnsafeRawBufferPointer, to state: inout State
  ) -> (Acceptance, UnsafeContinuation<Void, Never>?, BodyTaker?) {
    guard state.end == nil else { return (.ended, nil, nil) }
    if let taker = state.taker { return (.accepted, nil, taker) }
    guard state.bytes.isEmpty || state.bytes.count + bytes.count <= limit else {
      state.isPaused = true
      return (.full, nil, nil)
    }
    if state.bytes.isEmpty { state.bytes = Array(bytes) } else { state.bytes.append(contentsOf: bytes) }
    return (.accepted, state.change(), nil)
  }

  /// Ends the response. After a failure the reader still gets the bytes before it; after a cancellation they are
  /// discarded.
  /// - Returns: false when it had ended before.
  @discardableResult
  func finish(_ end: Result<Void, HTTPError>) -> Bool {
    let (isFirst, reader, taker) = state.withLock { state in
      guard state.end == nil else { return (false, nil as UnsafeContinuation<Void, Never>?, nil as BodyTaker?) }
      state.end = end
      if case .failure(.cancelled) = end { (state.head, state.bytes) = (nil, []) }
      defer { state.taker = nil }
      return (true, state.change(), state.taker)
    }
    reader?.resume()
    // Released here and not under the lock: it may hold the last reference to the response.
    withExtendedLifetime(taker) {}
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

  /// Waits for bytes and removes all of them; nil at the end. `isPaused` is whether the transfer has paused since the
  /// last call; the caller must then resume it.
  func next() async -> (bytes: Result<[UInt8]?, HTTPError>, isPaused: Bool) {
    await firstValue { state in Self.take(&state) }
  }

  /// The same of bytes that are there; nil when the reader must wait for them.
  /// - Parameter taker: gets all later bytes, on the client's thread, where none are there.
  func nextAtOnce(
    orPassOnTo taker: BodyTaker? = nil
  ) -> (bytes: Result<[UInt8]?, HTTPError>, isPaused: Bool)? {
    state.withLock { state in
      let next = Self.take(&state)
      if next == nil { state.taker = taker }
      return next
    }
  }

  /// Waits for the end.
  func end() async -> Result<Void, HTTPError> { await firstValue { $0.end } }

  private static func take(_ state: inout State) -> (bytes: Result<[UInt8]?, HTTPError>, isPaused: Bool)? {
    let isPaused = state.isPaused
    guard state.bytes.isEmpty else {
      let bytes = state.bytes
      state.bytes = []
      state.isPaused = false
      return (.success(bytes), isPaused)
    }
    guard let end = state.end else { return nil }
    state.isPaused = false
    return (end.map { nil }, isPaused)
  }

  private func firstValue<Value: Sendable>(_ take: (inout State) -> Value?) async -> Value {
    while true {
      let value = state.withLock { state in
        state.hasChanged = false
        return take(&state)
      }
      if let value { return value }
      await change()
    }
  }

  /// Waits for a change since the reader looked. Ignores cancellation: a cancellation handler must end the response.
  private func change() async {
    await withUnsafeContinuation { continuation in
      let hasChanged = state.withLock { state in
        precondition(state.reader == nil, "a response is read by one task at a time")
        if !state.hasChanged { state.reader = continuation }
        return state.hasChanged
      }
      if hasChanged { continuation.resume() }
    }
  }
}

import Curl
import Synchronization

/// Reads the body of a response that is a stream of events, to its end or a little beyond the answer's.
///
/// Events are read on the client's thread, where they come: each is small, and a task would have to be woken for it.
final class StreamReading: Sendable {
  /// How long after the end mark a count may still come.
  private static let waitForUsage = Duration.seconds(5)
  /// How long the end of the body may take when nothing more counts: a body that has ended leaves its connection open.
  private static let waitForEnd = Duration.milliseconds(250)

  private struct State {
    var stream: CompletionStream
    var limiter: Task<Void, Never>?
    var limitIsShort = false
  }

  private let body: HTTPBody
  private let reader: CompletionReader
  private let call: HTTPRequest
  private let state: Mutex<State>

  /// Creates the reading of a body.
  /// - Parameters:
  ///   - reader: makes an answer or a failure of what was read.
  ///   - call: the request, for messages.
  init(body: HTTPBody, stream: CompletionStream, _ reader: CompletionReader, _ call: HTTPRequest) {
    self.body = body
    self.reader = reader
    self.call = call
    state = Mutex(State(stream: stream))
  }

  /// Reads until the stream is over. A transfer that breaks off after the end mark is complete.
  /// - Throws: why the transfer has failed before that; `cancelled` in a cancelled task.
  func read() async throws(ModelError) -> Result<ChatAnswer, CompletionReader.Refusal> {
    defer { state.withLock { $0.limiter?.cancel() } }
    do throws(HTTPError) {
      let first = try await next()
      if let first, CompletionReader.isObject(first) { return try await readObject(first) }
      if let first, first.withUnsafeBytes({ take($0) }) { try await body.passOn { self.take($0) } }
    } catch {
      if Task.isCancelled { throw .cancelled }
      if let failure = failure(error) { throw failure }
    }
    // Nothing of the rest is wanted; without this the transfer would end with the last copy of the body.
    body.cancel()
    return outcome()
  }

  @inline(never)
  private func next() async throws(HTTPError) -> [UInt8]? {
    var iterator = body.makeAsyncIterator()
    return try await iterator.next()
  }

  /// Takes the next bytes.
  /// - Returns: false when nothing more counts.
  private func take(_ piece: UnsafeRawBufferPointer) -> Bool {
    state.withLock { state in
      state.stream.take(Array(piece))
      if state.stream.fault != nil || state.stream.completion.error != nil { return false }
      limitRest(&state)
      return true
    }
  }

  /// Reads a body that is one object, although its type is that of a stream.
  @inline(never)
  private func readObject(
    _ first: [UInt8]
  ) async throws(HTTPError) -> Result<ChatAnswer, CompletionReader.Refusal> {
    var reader = reader
    reader.response.body = first
    while let piece = try await next() {
      reader.response.body += piece
      if reader.response.body.count > CompletionStream.mostBytes {
        body.cancel()
        throw .tooLarge(limit: CompletionStream.mostBytes)
      }
    }
    let outcome = reader.read()
    if case .success(let answer) = outcome { state.withLock { $0.stream.show(answer.text) } }
    return outcome
  }

  /// What the stream was that is over.
  @inline(never)
  private func outcome() -> Result<ChatAnswer, CompletionReader.Refusal> {
    state.withLock { state in
      state.stream.finish()
      switch reader.read(state.stream) {
      case .success(let answer):
        state.stream.finish(with: answer.text)
        return .success(answer)
      case .failure(let refusal):
        return .failure(
          .init(failure: refusal.failure, said: refusal.said, hasShownText: state.stream.hasShownText))
      }
    }
  }

  /// What the error of a transfer means; nil where the answer came before it.
  @inline(never)
  private func failure(_ error: HTTPError) -> ModelError? {
    state.withLock { state in
      state.stream.finish()
      if state.stream.isEnded || state.stream.fault != nil { return nil }
      guard case .failed(var failure) = ModelError(error, of: call) else { return .cancelled }
      failure.count(state.stream.completion, reader.format)
      return .failed(failure)
    }
  }

  /// Limits the wait for what may follow the end mark.
  private func limitRest(_ state: inout State) {
    let isFinal = state.stream.isFinal
    guard state.stream.isEnded || isFinal, state.limiter == nil || (isFinal && !state.limitIsShort) else { return }
    state.limiter?.cancel()
    state.limitIsShort = isFinal
    let wait = state.limitIsShort ? Self.waitForEnd : Self.waitForUsage
    state.limiter = Task { [body] in
      if (try? await Task.sleep(for: wait)) != nil { body.cancel() }
    }
  }
}

import Curl
import LinuxSupport

/// Reads the body of a response that is a stream of events, to its end or a little beyond the answer's.
///
/// Events are read on the client's thread, where they come: each is small, and another thread would have to be woken.
struct StreamReading {
  /// How long after the end mark a count may still come.
  private static let waitForUsage = Duration.seconds(5)
  /// How long the end of the body may take when nothing more counts: a body that has ended leaves its connection open.
  private static let waitForEnd = Duration.milliseconds(250)

  private let body: HTTPBody
  private var stream: CompletionStream
  private var limiter: Task<Void, Never>?
  private var limitIsShort = false

  /// Creates the reading of a body.
  init(body: HTTPBody, stream: CompletionStream) {
    self.body = body
    self.stream = stream
  }

  /// Reads until the stream is over. A transfer that breaks off after the end mark is complete.
  /// - Throws: why the transfer has failed before that; `cancelled` in a cancelled task.
  mutating func read(
    _ reader: CompletionReader, _ call: HTTPRequest
  ) async throws(ModelError) -> Result<ChatAnswer, CompletionReader.Refusal> {
    defer { limiter?.cancel() }
    var iterator = body.makeAsyncIterator()
    do {
      let first = try await iterator.next()
      if let first, CompletionReader.isObject(first) { return try await readObject(first, &iterator, reader) }
      try await withTaskExecutorPreference(ThreadExecutor.shared) { () async throws(HTTPError) in
        try await readEvents(first, &iterator)
      }
      stream.finish()
    } catch {
      if Task.isCancelled { throw .cancelled }
      stream.finish()
      guard stream.isEnded || stream.fault != nil else { throw await failure(error, of: call, reader) }
    }
    // Nothing of the rest is wanted; without this the transfer would end with the last copy of the body.
    body.cancel()
    return await outcome(reader)
  }

  private mutating func readEvents(
    _ first: [UInt8]?, _ iterator: inout HTTPBody.Iterator
  ) async throws(HTTPError) {
    var next = first
    while let piece = next {
      stream.take(piece)
      if stream.fault != nil || stream.completion.error != nil { return }
      limitRest()
      next = try await iterator.next()
    }
  }

  /// Reads a body that is one object, although its type is that of a stream.
  private func readObject(
    _ first: [UInt8], _ iterator: inout HTTPBody.Iterator, _ reader: CompletionReader
  ) async throws(HTTPError) -> Result<ChatAnswer, CompletionReader.Refusal> {
    var reader = reader
    reader.response.body = first
    while let piece = try await iterator.next() {
      reader.response.body += piece
      if reader.response.body.count > CompletionStream.mostBytes {
        body.cancel()
        throw .tooLarge(limit: CompletionStream.mostBytes)
      }
    }
    let outcome = reader.read()
    if case .success(let answer) = outcome { stream.show(answer.text) }
    return outcome
  }

  /// What the stream was, which takes a look at all of a text: on a thread that has time.
  @concurrent private mutating func outcome(_ reader: CompletionReader) async -> Result<
    ChatAnswer, CompletionReader.Refusal
  > {
    switch reader.read(stream) {
    case .success(let answer):
      stream.finish(with: answer.text)
      return .success(answer)
    case .failure(var refusal):
      refusal.hasShownText = stream.hasShownText
      return .failure(refusal)
    }
  }

  @concurrent private func failure(
    _ error: HTTPError, of call: HTTPRequest, _ reader: CompletionReader
  ) async -> ModelError {
    guard case .failed(var failure) = ModelError(error, of: call) else { return .cancelled }
    failure.count(stream.completion, reader.format)
    return .failed(failure)
  }

  /// Limits the wait for what may follow the end mark.
  private mutating func limitRest() {
    guard stream.isEnded || stream.isFinal, limiter == nil || (stream.isFinal && !limitIsShort) else { return }
    limiter?.cancel()
    limitIsShort = stream.isFinal
    let wait = limitIsShort ? Self.waitForEnd : Self.waitForUsage
    limiter = Task { [body] in
      if (try? await Task.sleep(for: wait)) != nil { body.cancel() }
    }
  }
}

public import Curl
import ExactJSON
import LinuxSupport
public import Logging
import Synchronization
public import Tracing

/// Sends spans to a collector by OTLP/HTTP with JSON bodies, asynchronously to the traced work: what is recorded waits
/// in a bounded queue, and is dropped where the collector does not keep up.
public final class SpanExporter: SpanRecorder {
  private struct State {
    var queue: [Span] = []
    /// Spans that were dropped since the log has said so, and why the last ones were.
    var dropped = 0
    var reason = ""
    var saidAt: ContinuousClock.Instant?
    var loop: Task<Void, Never>?
    var isClosed = false
  }

  private let endpoint: OTLPEndpoint
  private let resource: [Span.Attribute]
  private let version: String
  private let client: HTTPClient
  private let logger: Logger
  private let state = Mutex(State())

  /// Spans that wait at most.
  static let mostWaiting = 8_192
  /// Spans of a request at most, and bytes of its body, more or less.
  static let mostInBatch = 512
  static let mostBatchBytes = 1 << 20
  /// How long a span waits for others.
  private static let pause = Duration.seconds(1)
  /// How often a batch is sent again, and the longest wait that a collector may ask for.
  private static let mostRepeats = 4
  private static let longestWait = Duration.seconds(30)
  /// How often the log says that spans are dropped.
  private static let logInterval = Duration.seconds(60)

  /// An exporter; it sends from `start()` on.
  /// - Parameters:
  ///   - resource: what the service says of itself.
  ///   - version: of wf.
  ///   - client: sends the requests; the exporter closes it.
  public init(
    _ endpoint: OTLPEndpoint, resource: [Span.Attribute], version: String, client: HTTPClient, logger: Logger
  ) {
    (self.endpoint, self.resource, self.version) = (endpoint, resource, version)
    (self.client, self.logger) = (client, logger)
  }

  /// Takes a span; drops it where too many wait.
  public func record(_ span: Span) {
    state.withLock { state in
      if state.isClosed { return }
      if state.queue.count < Self.mostWaiting { return state.queue.append(span) }
      state.dropped += 1
      state.reason = "too many wait for the collector"
    }
  }

  /// Begins to send.
  public func start() {
    state.withLock { state in
      state.loop = Task { [self] in
        while !Task.isCancelled {
          try? await Task.sleep(for: Self.pause)
          await sendAll()
          sayWhatIsDropped()
        }
      }
    }
  }

  /// Sends what waits, without repeating a request, and ends the client's thread.
  /// - Parameter limit: how long that may take.
  public func close(within limit: Duration = .seconds(3)) async {
    let sending = Task { [self] in
      let loop = state.withLock { $0.loop }
      loop?.cancel()
      await loop?.value
      while !Task.isCancelled, case let batch = take(), !batch.isEmpty {
        switch await send(batch) {
        case .sent: break
        case .refused(let reason), .mayPass(let reason, _): drop(batch.count, reason)
        }
      }
    }
    let watch = Task {
      try await Task.sleep(for: limit)
      sending.cancel()
      // Requests under way fail.
      client.close()
    }
    await sending.value
    watch.cancel()
    let left = state.withLock { state in
      state.isClosed = true
      defer { state.queue = [] }
      return state.queue.count
    }
    if left > 0 { drop(left, "the process ends") }
    sayWhatIsDropped(isLast: true)
    client.close()
  }

  // MARK: Batches

  /// The first spans of the queue, as many as a request may have.
  private func take() -> [Span] {
    state.withLock { state in
      var (count, bytes) = (0, 0)
      while count < min(state.queue.count, Self.mostInBatch), bytes < Self.mostBatchBytes {
        bytes += state.queue[count].size
        count += 1
      }
      defer { state.queue.removeFirst(count) }
      return Array(state.queue[..<count])
    }
  }

  /// Puts spans back that could not be sent, as far as there is room.
  private func putBack(_ batch: [Span]) {
    state.withLock { state in
      let room = max(0, Self.mostWaiting - state.queue.count)
      state.queue.insert(contentsOf: batch.suffix(room), at: 0)
      state.dropped += max(0, batch.count - room)
    }
  }

  private func drop(_ count: Int, _ reason: String) {
    state.withLock { state in
      state.dropped += count
      state.reason = reason
    }
  }

  private func sendAll() async {
    while !Task.isCancelled, case let batch = take(), !batch.isEmpty { await sendRepeatedly(batch) }
  }

  private func sendRepeatedly(_ batch: [Span]) async {
    for attempt in 0...Self.mostRepeats {
      // A separate task: a process that ends waits for the answer, since the collector may have the spans.
      switch await Task(operation: { await send(batch) }).value {
      case .sent: return
      case .refused(let reason): return drop(batch.count, reason)
      case .mayPass(let reason, let asked):
        // Cancelled: the process ends, and sends them once more.
        if Task.isCancelled { return putBack(batch) }
        guard attempt < Self.mostRepeats else { return drop(batch.count, reason) }
        let growing = Duration.milliseconds(Int(1_000 << attempt))
        let wait = asked.map { min($0, Self.longestWait) } ?? growing * Double.random(in: 0.5...1)
        try? await Task.sleep(for: wait)
        if Task.isCancelled { return putBack(batch) }
      }
    }
  }

  // MARK: Requests

  private enum Outcome {
    case sent
    case refused(String)
    /// The same may succeed later: after the time, where the collector asks for one.
    case mayPass(String, after: Duration?)
  }

  private func send(_ batch: [Span]) async -> Outcome {
    let limit = endpoint.timeout
    let request = HTTPRequest(
      method: "POST", url: endpoint.url, headers: [("Content-Type", "application/json")] + endpoint.headers,
      body: SpanEncoding.body(batch, resource: resource, version: version),
      connectTimeout: min(limit, .seconds(10)), timeout: limit, maxResponseBytes: 1 << 20)
    do throws(HTTPError) {
      let response = try await client.send(request)
      if (200..<300).contains(response.status) {
        noteRejected(response.body)
        return .sent
      }
      let reason = "the collector answered \(response.status)"
      guard [429, 502, 503, 504].contains(response.status) else { return .refused(reason) }
      let seconds = response.header("Retry-After").flatMap { UInt16($0) }
      return .mayPass(reason, after: seconds.map { .seconds($0) })
    } catch {
      return error.isTransient || error == .cancelled ? .mayPass("\(error)", after: nil) : .refused("\(error)")
    }
  }

  /// A collector may take a part of a request (OTLP, "Partial Success").
  private func noteRejected(_ body: [UInt8]) {
    let part = (try? JSONValue(parsing: body))?.objectValue?["partialSuccess"]?.objectValue
    guard let count = part?["rejectedSpans"] else { return }
    let rejected = count.stringValue.flatMap { Int($0) } ?? count.numberValue?.int ?? 0
    if rejected > 0 { drop(rejected, "the collector rejected some: \(part?["errorMessage"]?.stringValue ?? "")") }
  }

  /// Says that spans were dropped, once a minute at most.
  private func sayWhatIsDropped(isLast: Bool = false) {
    let said = state.withLock { state -> (Int, String)? in
      let isDue = isLast || state.saidAt.map { ContinuousClock.now - $0 >= Self.logInterval } ?? true
      guard state.dropped > 0, isDue else { return nil }
      defer { (state.dropped, state.saidAt) = (0, .now) }
      return (state.dropped, state.reason)
    }
    guard let (count, reason) = said else { return }
    logger.warning(
      "\(count) \(count == 1 ? "span was" : "spans were") dropped: \(reason)",
      metadata: ["endpoint": "\(endpoint.shown)"])
  }
}

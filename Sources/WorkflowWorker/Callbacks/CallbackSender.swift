import Curl
import Glibc
import LinuxSupport
import Logging
import Synchronization
import Tracing
import Workflow
import WorkflowOperations
import WorkflowStore

/// Sends the callbacks that are due. Every worker does that: a script leases them, so that no two send the same one at
/// a time, and when a worker dies another one follows.
final class CallbackSender: Sendable {
  private let configuration: CallbackConfiguration
  private let partitions: Partitions
  private let worker: String
  private let logger: Logger
  private let outages: OutageLog
  private let spans: (any SpanRecorder)?
  private let slots = CallbackSlots()
  private let isStopping = Atomic(false)
  private let turns = Atomic(0)

  init(
    _ configuration: CallbackConfiguration, partitions: Partitions, worker: String,
    spans: (any SpanRecorder)? = nil, logger: Logger
  ) {
    self.spans = spans
    self.configuration = configuration
    self.partitions = partitions
    self.worker = worker
    self.logger = logger
    outages = OutageLog("the look at the callbacks", logger: logger)
  }

  private static let longestPause = Duration.seconds(1)
  private static let shortestPause = Duration.milliseconds(10)
  /// How long recording an outcome is tried: then another worker sends the callback again.
  private static let recordTime = Duration.seconds(10)
  /// Bytes of an answer that are read, so that the connection can be used again.
  private static let mostAnswerBytes = 4 << 10

  /// Whether nothing is being sent.
  var isIdle: Bool { slots.sending == 0 }

  /// Takes no more callbacks; those under way are sent.
  func stop() { isStopping.store(true, ordering: .relaxed) }

  /// Sends what is due until it is stopped; then waits for those under way. Where its task is cancelled, those are
  /// given back.
  func run() async {
    await withDiscardingTaskGroup { group in
      var clocks: [Int?] = partitions.all.map { _ in nil }
      while !Task.isCancelled, !isStopping.load(ordering: .relaxed) {
        var pause = Self.longestPause
        for (number, store) in partitions.all.enumerated() where !store.isDown {
          let free = slots.free
          guard free > 0 else {
            pause = Self.shortestPause
            break
          }
          guard let turn = await look(store, free, after: clocks[number]) else { continue }
          clocks[number] = turn.now
          for callback in turn.callbacks {
            slots.begin(callback.host)
            group.addTask { await self.deliver(callback, store) }
          }
          if let next = turn.next { pause = min(pause, .microseconds(next * 1_000 - turn.now)) }
        }
        try? await Task.sleep(for: max(pause, Self.shortestPause))
      }
    }
  }

  /// How long a lease lasts: an attempt, and the time to record it.
  private var lease: Duration { configuration.timeout + Self.recordTime + .seconds(5) }

  private func look(_ store: RunStore, _ free: Int, after last: Int?) async -> CallbackTurn? {
    let turn = turns.add(1, ordering: .relaxed).newValue
    let lease = CallbackLease(
      token: "\(worker)/\(turn)", limit: free, length: lease, attempts: CallbackWaits.attempts,
      perHost: CallbackSlots.mostPerHost, rooms: slots.rooms)
    do {
      let turn = try await store.leaseCallbacks(lease, after: last)
      outages.noteSuccess(in: store)
      return turn
    } catch {
      outages.note(error, in: store)
      return nil
    }
  }

  private func deliver(_ callback: StoredCallback, _ store: RunStore) async {
    CommitPoint.beforeCallback.pass()
    let start = ContinuousClock.now
    let answer = await send(callback)
    if answer.meaning == .delivered { CommitPoint.afterCallback.pass() }
    let outcome = answer.outcome(attempt: callback.attempts, random: .random(in: 0...1))
    await record(outcome, of: callback, store)
    var pace = ContinuousClock.now - start
    if case .failed(let wait?) = answer.meaning { pace = max(pace, wait) }
    slots.end(callback.host, pace: pace, hasFailed: answer.isOfTroubledReceiver)
    log(answer, outcome, of: callback)
  }

  /// Sends a callback once.
  private func send(_ callback: StoredCallback) async -> CallbackAnswer {
    let url: HTTPURL
    do throws(HTTPURLError) { url = try configuration.access.url(callback.url) } catch { return CallbackAnswer(error) }
    let message = CallbackMessage(callback, site: configuration.site)
    let span = HTTPSpan(
      RunTrace.active(of: callback, spans), "POST", url, "callback \(callback.id) \(callback.attempts)")
    let request = HTTPRequest(
      method: "POST", url: url.text,
      headers: message.headers(configuration.secrets, at: time(nil)) + (span?.trace.context.headers ?? []),
      body: message.body, connectTimeout: configuration.connectTimeout, timeout: configuration.timeout,
      maxResponseBytes: 1 << 20)
    do throws(HTTPError) {
      let response = try await configuration.client.stream(request, buffering: Self.mostAnswerBytes)
      let answer = CallbackAnswer(response.status, headers: response.headers, from: url)
      await Self.skip(response.body)
      span?.end(status: response.status)
      return answer
    } catch {
      span?.end(error)
      return CallbackAnswer(
        error, from: url, timeout: configuration.timeout, connectTimeout: configuration.connectTimeout)
    }
  }

  /// Reads the beginning of a body, which is not used. The answer counts however it ends.
  private static func skip(_ body: HTTPBody) async {
    var bytes = 0
    var pieces = body.makeAsyncIterator()
    while bytes < mostAnswerBytes, let piece = try? await pieces.next() { bytes += piece.count }
  }

  /// Records what became of an attempt, as long as its lease lasts.
  private func record(_ outcome: CallbackOutcome, of callback: StoredCallback, _ store: RunStore) async {
    // A separate task, which is not cancelled: also a stopping worker says what it has delivered.
    let recording = Task { await recordUncancelled(outcome, of: callback, store) }
    await recording.value
  }

  private func recordUncancelled(
    _ outcome: CallbackOutcome, of callback: StoredCallback, _ store: RunStore
  ) async {
    let end = ContinuousClock.now + Self.recordTime
    repeat {
      do throws(StoreError) {
        try await store.record(outcome, of: callback)
        return
      } catch {
        outages.note(error, in: store)
        guard error.isTransient, outcome != .givenBack else { return }
      }
      await Task.uncancelledSleep(for: .milliseconds(200))
    } while ContinuousClock.now < end
    logger.notice(
      "a callback is sent again, since Redis has not taken its outcome", metadata: ["callback": "\(callback.id)"])
  }

  private func log(_ answer: CallbackAnswer, _ outcome: CallbackOutcome, of callback: StoredCallback) {
    var metadata: Logger.Metadata = ["callback": "\(callback.id)", "attempt": "\(callback.attempts)"]
    if !answer.detail.isEmpty { metadata["detail"] = "\(answer.detail)" }
    switch outcome {
    case .delivered: logger.debug("a callback is delivered", metadata: metadata)
    case .repeated(let wait, _, let error):
      logger.info("a callback failed, and is sent again in \(wait.inSeconds): \(error)", metadata: metadata)
    case .dead(_, let error): logger.warning("a callback is given up: \(error)", metadata: metadata)
    case .givenBack: break
    }
  }
}

import Curl
import Logging
import ModelServer
import Synchronization
import Testing
import Workflow
@testable import WorkflowLLM

/// What the operator is told of model calls.
@Suite struct LogTests {
  private let lines = Lines()

  /// Keeps what is logged.
  final class Lines: LogHandler, Sendable {
    private let kept = Mutex<[(level: Logger.Level, message: String, metadata: Logger.Metadata)]>([])

    var all: [(level: Logger.Level, message: String, metadata: Logger.Metadata)] { kept.withLock { $0 } }

    var metadata: Logger.Metadata {
      get { [:] }
      set {}
    }
    var logLevel: Logger.Level {
      get { .trace }
      set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { nil }
      set {}
    }

    func log(event: LogEvent) {
      kept.withLock { $0.append((event.level, "\(event.message)", event.metadata ?? [:])) }
    }
  }

  private func log(at time: @escaping @Sendable () -> ContinuousClock.Instant) -> ModelLog {
    ModelLog(Logger(label: "test") { [lines] _ in lines }, now: time)
  }

  @Test func `A failure is a warning with job, step, code and the provider's words`() {
    let log = log { .now }
    let failure = ModelFailure(
      .providerRejected, "the model answered 401", detail: "Bad key.", isTransient: false, status: 401)
    log.failed(ModelCaller(job: "j", step: "llm"), failure.stepFailure, isPlaceholder: true)
    let line = lines.all.first
    #expect(line?.level == .warning)
    #expect(line?.message == "the model failed; the placeholder summarized")
    #expect(
      line?.metadata == [
        "job": "j", "step": "llm", "code": "provider_rejected", "error": "the model answered 401 (Bad key.)",
      ])
  }

  @Test func `A cause is told once a minute, with the count of those left out; another cause at once`() {
    let clock = Mutex(ContinuousClock.now)
    let log = log { clock.withLock { $0 } }
    var failure = ModelFailure(.providerRejected, "no", isTransient: false, status: 401)
    for _ in 1...1000 { log.failed(ModelCaller(job: "j", step: "llm"), failure.stepFailure, isPlaceholder: true) }
    #expect(lines.all.count == 1)
    failure.status = 403
    log.failed(ModelCaller(job: "j", step: "llm"), failure.stepFailure, isPlaceholder: true)
    #expect(lines.all.count == 2)
    clock.withLock { $0 += .seconds(61) }
    failure.status = 401
    log.failed(ModelCaller(job: "k", step: "llm"), failure.stepFailure, isPlaceholder: true)
    #expect(lines.all.last?.metadata["suppressed"] == "999")
    #expect(lines.all.last?.metadata["job"] == "k")
  }

  @Test func `Causes beyond number are neither kept nor swallowed`() {
    let log = log { [now = ContinuousClock.now] in now }
    for status in 0..<1000 {
      let failure = ModelFailure(.providerRejected, "no", isTransient: false, status: status)
      log.failed(ModelCaller(job: "j", step: "llm"), failure.stepFailure, isPlaceholder: true)
    }
    #expect(lines.all.count == 1000)
  }

  @Test(.timeLimit(.minutes(5))) func `That nothing bounds a model's answers is told once, as a warning`() async throws
  {
    let server = try ModelServer()
    server.script(
      ["max_tokens", "max_completion_tokens"].map { .status(400, body: #"{"detail":"\#($0) is not supported"}"#) })
    let model = server.model(log: log { .now })
    for _ in 1...2 { _ = try await model.complete(.example) }
    #expect(lines.all.map(\.level) == [.warning])
    #expect(lines.all.first?.metadata == ["model": "gpt-test", "form": "no limit of tokens"])
  }

  @Test(.timeLimit(.minutes(5))) func `A retry and another form are told as well`() async throws {
    let server = try ModelServer()
    let log = log { .now }
    server.script([
      .status(400, body: #"{"error":{"message":"temperature is not supported"}}"#), .status(503, body: "busy"),
    ])
    let model = server.model(log: log)
    _ = try await RepeatedCalls(model, log: log).complete(.example)
    #expect(lines.all.map(\.level) == [.notice, .notice])
    #expect(lines.all.first?.metadata["form"] == "no temperature")
    #expect(lines.all.last?.metadata["job"] == "job" && lines.all.last?.metadata["step"] == "llm")
    #expect(lines.all.last?.metadata["error"] == "the model answered 503 (busy)")
  }
}

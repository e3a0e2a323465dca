import Curl
import ExactJSON
import Logging
import Synchronization
import WorkflowLLM
import WorkflowOperations

/// Calls a model with a small question, as runs do.
struct ModelProbe {
  /// How an answer may come. Each way is a separate call.
  enum Way: String, Sendable {
    /// In one piece.
    case whole
    /// As a stream.
    case stream
  }

  /// How a call has ended.
  enum Outcome: Sendable {
    case answered(ChatAnswer)
    case failed(ModelFailure)
    case cancelled
  }

  /// A call.
  struct Result: Sendable {
    let probe: ModelProbe
    let way: Way
    let outcome: Outcome
    /// From the request to the first text of a stream; nil where none came.
    let firstText: Duration?
    /// From the request to the end of the answer.
    let latency: Duration
    /// What this call has found out of the parameters that the model refuses, such as `no temperature`.
    let learned: [String]

    /// The model.
    var definition: ModelDefinition { probe.definition }

    /// Whether it has answered.
    var isAnswered: Bool { if case .answered = outcome { true } else { false } }

    /// The way to call the model next; nil after the last one.
    var nextWay: Way? { way == .whole && definition.streams ? .stream : nil }
  }

  let definition: ModelDefinition
  private let model: any ChatModel
  private let record = FormRecord()

  /// Prepares calls of a model. A later one uses what an earlier one has found out.
  init(definition: ModelDefinition, client: HTTPClient) {
    self.definition = definition
    let record = record
    let log = ModelLog(Logger(label: "wf-models") { _ in FormRecorder(record: record) })
    model = ChatModels.make(definition, client, log)
  }

  /// Calls the model.
  func call(_ way: Way = .whole) async -> Result {
    let start = ContinuousClock.now
    let firstText = Mutex<Duration?>(nil)
    let outcome: Outcome
    do throws(ModelError) {
      switch way {
      case .whole: outcome = .answered(try await model.complete(question))
      case .stream:
        let answer = try await model.complete(question) { _ in
          firstText.withLock { $0 = $0 ?? .now - start }
        }
        outcome = .answered(answer)
      }
    } catch .failed(let failure) {
      outcome = .failed(failure)
    } catch {
      outcome = .cancelled
    }
    return Result(
      probe: self, way: way, outcome: outcome, firstText: firstText.withLock { $0 }, latency: .now - start,
      learned: record.take())
  }

  /// With room for a model that reasons first. The key is another one each time: a provider may answer a known one with
  /// the answer that it gave before.
  private var question: ChatRequest {
    let most = 512
    return ChatRequest(
      messages: [.init(.system, LLMSummarize.instruction), .init(.user, "A fjord is a narrow inlet of the sea.")],
      maxTokens: min(most, definition.maxTokens ?? most),
      idempotencyKey: "wf-test-\(String(UInt64.random(in: .min ... .max), radix: 16))")
  }
}

/// What a model's log says of the form of its requests.
private final class FormRecord: Sendable {
  private let state = Mutex<[String]>([])
  func add(_ form: String) { state.withLock { $0.append(form) } }

  /// What was said since the last call.
  func take() -> [String] {
    state.withLock { forms in
      defer { forms = [] }
      return forms
    }
  }
}

/// Keeps what is said of the form of requests, and drops everything else.
private struct FormRecorder: LogHandler {
  let record: FormRecord
  var metadata: Logger.Metadata = [:]
  var logLevel = Logger.Level.trace

  init(record: FormRecord) { self.record = record }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    if let form = event.metadata?["form"] { record.add(form.description) }
  }
}

import Curl
import ExactJSON
import Logging
import Synchronization
import WorkflowLLM
import WorkflowOperations

/// Calls a model once with a small question, as runs do.
struct ModelProbe {
  /// How an answer may come. Each way is a separate call.
  enum Way: String, CaseIterable, Sendable {
    /// In one piece.
    case whole
  }

  /// How a call has ended.
  enum Outcome: Sendable {
    case answered(ChatAnswer)
    case failed(ModelFailure)
    case cancelled
  }

  /// A call.
  struct Result: Sendable {
    let definition: ModelDefinition
    let way: Way
    let outcome: Outcome
    /// From the request to the end of the answer.
    let latency: Duration
    /// What was found out of the parameters that the model refuses, such as `no temperature`.
    let learned: [String]

    /// Whether it has answered.
    var isAnswered: Bool { if case .answered = outcome { true } else { false } }
  }

  let definition: ModelDefinition
  let client: HTTPClient

  /// Calls the model.
  func call(_ way: Way = .whole) async -> Result {
    let record = FormRecord()
    let log = ModelLog(Logger(label: "wf-models") { _ in FormRecorder(record: record) })
    let model = ChatModels.make(definition, client, log)
    let start = ContinuousClock.now
    let outcome = await ask(model, way)
    return Result(
      definition: definition, way: way, outcome: outcome, latency: .now - start, learned: record.forms)
  }

  private func ask(_ model: any ChatModel, _ way: Way) async -> Outcome {
    do {
      switch way {
      case .whole: return .answered(try await model.complete(question))
      }
    } catch .failed(let failure) {
      return .failed(failure)
    } catch {
      return .cancelled
    }
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
  var forms: [String] { state.withLock { $0 } }
  func add(_ form: String) { state.withLock { $0.append(form) } }
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

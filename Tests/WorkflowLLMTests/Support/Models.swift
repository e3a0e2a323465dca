import Curl
import ModelServer
import Synchronization
import Testing
import Workflow
import WorkflowLLM

extension ChatRequest {
  /// A question as a step asks it.
  static let example = ChatRequest(
    messages: [.init(.system, "Be brief."), .init(.user, "What is a fjord?")], maxTokens: 100, temperature: 0.2,
    idempotencyKey: "job/llm")
}

extension ModelServer {
  /// A model that calls this server once per question.
  func model(
    _ wire: ModelDefinition.Wire = .chatCompletions, key: String? = nil, timeout: Duration = .seconds(20),
    client: HTTPClient = HTTPClient(), log: ModelLog? = nil, _ adjust: (inout ModelDefinition) -> Void = { _ in }
  ) -> WireModel {
    var definition = ModelDefinition(name: "test", wire: wire, baseURL: baseURL, model: "gpt-test")
    definition.apiKey = key
    definition.timeout = timeout
    adjust(&definition)
    return WireModel(client: client, definition: definition, log: log)
  }

  /// A model that calls this server again and again.
  func repeatedCalls(timeout: Duration = .seconds(20)) -> RepeatedCalls {
    RepeatedCalls(model(timeout: timeout))
  }
}

/// Calls a model as the attempts of a step do, without waiting between them.
struct RepeatedCalls: ChatModel {
  let model: any ChatModel
  /// Calls at most.
  var most = 100
  var log: ModelLog?

  init(_ model: any ChatModel, most: Int = 100, log: ModelLog? = nil) {
    self.model = model
    self.most = most
    self.log = log
  }

  var provider: String { model.provider }

  func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer {
    var policy = RetryPolicy()
    policy.maxAttempts = most
    var attempts: StepAttempts?
    while true {
      var request = request
      if let attempts { request.adapt(to: attempts) }
      do {
        return try await model.complete(request)
      } catch .failed(let failure) {
        let stepFailure = failure.stepFailure
        log?.failed(ModelCaller(job: "job", step: "llm"), stepFailure, attempt: (attempts?.failed ?? 0) + 1)
        let now = Timestamp(microseconds: 1)
        let next = StepAttempts(after: attempts, stepFailure, policy, spent: .zero, now: now, random: 0)
        guard let next, next.failed < most else { throw .failed(failure) }
        attempts = next
      }
    }
  }
}

/// A model that counts its calls, and does at each what a test wants.
final class CountedModel: ChatModel {
  let provider = "counted"
  private let model: @Sendable (Int) async throws(ModelError) -> ChatAnswer
  private let count = Mutex(0)
  private let requests = Mutex<[ChatRequest]>([])

  init(_ model: @escaping @Sendable (_ call: Int) async throws(ModelError) -> ChatAnswer) { self.model = model }

  var calls: Int { count.withLock { $0 } }

  /// What was asked, call by call.
  var asked: [ChatRequest] { requests.withLock { $0 } }

  func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer {
    requests.withLock { $0.append(request) }
    let call = count.withLock { count in
      count += 1
      return count
    }
    return try await model(call)
  }
}

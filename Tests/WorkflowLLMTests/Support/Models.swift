import Curl
import ModelServer
import Synchronization
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
    key: String? = nil, timeout: Duration = .seconds(20), client: HTTPClient = HTTPClient()
  ) -> OpenAIChatModel {
    OpenAIChatModel(
      client: client, configuration: .init(baseURL: baseURL, model: "gpt-test", apiKey: key, timeout: timeout))
  }

  /// A model that calls this server up to four times per question.
  func retryingModel(timeout: Duration = .seconds(20), policy: RetryPolicy = .short) -> RetryingChatModel {
    RetryingChatModel(model(timeout: timeout), policy: policy)
  }
}

extension RetryPolicy {
  /// The default attempts, without a wait that anybody would notice.
  static let short = RetryPolicy(firstDelay: .milliseconds(1), maxDelay: .milliseconds(5))

  init(
    maxAttempts: Int = 4, firstDelay: Duration = .milliseconds(500), maxDelay: Duration = .seconds(8),
    total: Duration = .seconds(600)
  ) {
    self.init()
    self.maxAttempts = maxAttempts
    self.firstDelay = firstDelay
    self.maxDelay = maxDelay
    self.total = total
  }
}

/// A model that counts its calls, and does at each what a test wants.
final class CountedModel: ChatModel {
  let provider = "counted"
  private let model: @Sendable (Int) async throws(ModelError) -> ChatAnswer
  private let count = Mutex(0)

  init(_ model: @escaping @Sendable (_ call: Int) async throws(ModelError) -> ChatAnswer) { self.model = model }

  var calls: Int { count.withLock { $0 } }

  func complete(_ request: ChatRequest) async throws(ModelError) -> ChatAnswer {
    let call = count.withLock { count in
      count += 1
      return count
    }
    return try await model(call)
  }
}

import Curl
import ModelServer
import Synchronization
import Testing
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
  ) throws -> OpenAIChatModel {
    OpenAIChatModel(
      client: client, configuration: try .init(baseURL: baseURL, model: "gpt-test", apiKey: key, timeout: timeout))
  }

  /// A model that calls this server again and again.
  func retryingModel(timeout: Duration = .seconds(20)) throws -> RetryingChatModel {
    RetryingChatModel(try model(timeout: timeout), policy: .quick)
  }
}

extension RetryingChatModel {
  /// Makes so many calls, if that many are made, and waits for nothing between them.
  /// - Returns: the failure that no other call follows; nil when one would have followed the last.
  func lastFailure(within calls: Int = 6) async throws -> ModelFailure? {
    let left = Mutex(calls - 1)
    let error = await #expect(throws: ModelError.self) {
      try await complete(.example) { _ in
        let isOver = left.withLock { left in
          left -= 1
          return left < 0
        }
        if isOver { throw CancellationError() }
      }
    }
    guard case .failed(let failure) = try #require(error) else { return nil }
    return failure
  }
}

extension RetryPolicy {
  /// Waits that nobody would notice.
  static let quick = RetryPolicy(firstDelay: .milliseconds(1), maxDelay: .milliseconds(5))

  init(
    firstDelay: Duration = .milliseconds(500), maxDelay: Duration = .seconds(30), total: Duration = .seconds(600)
  ) {
    self.init()
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
  private let requests = Mutex<[ChatRequest]>([])

  init(_ model: @escaping @Sendable (_ call: Int) async throws(ModelError) -> ChatAnswer) { self.model = model }

  var calls: Int { count.withLock { $0 } }

  /// What was asked, call by call.
  var asked: [ChatRequest] { requests.withLock { $0 } }

  func complete(_ request: ChatRequest, pause: Pause) async throws(ModelError) -> ChatAnswer {
    requests.withLock { $0.append(request) }
    let call = count.withLock { count in
      count += 1
      return count
    }
    return try await model(call)
  }
}

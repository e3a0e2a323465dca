import Testing
import Workflow
import WorkflowLLM

extension ChatModel {
  /// The error of a call that must not succeed.
  func failure(of request: ChatRequest = .example) async throws -> ModelError {
    try #require(await #expect(throws: ModelError.self) { try await complete(request) })
  }
}

extension ModelError {
  /// The kind of a failure; nil of a cancellation.
  var code: ErrorCode? {
    if case .failed(let failure, _, _) = self { failure.code } else { nil }
  }

  /// The sentence of a failure.
  var message: String {
    if case .failed(let failure, _, _) = self { failure.message } else { "" }
  }

  var isTransient: Bool {
    if case .failed(_, let isTransient, _) = self { isTransient } else { false }
  }

  var retryAfter: Duration? {
    if case .failed(_, _, let retryAfter) = self { retryAfter } else { nil }
  }
}

import Testing
import Workflow
import WorkflowLLM

extension ChatModel {
  /// The error of a call that must not succeed.
  func error(of request: ChatRequest = .example) async throws -> ModelError {
    try #require(await #expect(throws: ModelError.self) { try await complete(request) })
  }

  /// The failure of a call that must fail.
  func failure(of request: ChatRequest = .example) async throws -> ModelFailure {
    guard case .failed(let failure) = try await error(of: request) else {
      throw StepFailure(.operationFailed, "the call was cancelled")
    }
    return failure
  }
}

extension ModelError {
  /// A failure of a call, as a test's own model makes it.
  static func failed(
    _ code: ErrorCode, _ message: String, isTransient: Bool = true, retryAfter: Duration? = nil
  ) -> ModelError {
    .failed(ModelFailure(code, message, isTransient: isTransient, retryAfter: retryAfter))
  }
}

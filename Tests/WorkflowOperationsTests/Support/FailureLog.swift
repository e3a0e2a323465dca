import Synchronization
import Workflow
import WorkflowOperations

/// What an operation has logged.
final class FailureLog: Sendable {
  private let state = Mutex<[(line: String, failure: HTTPRequestFailure)]>([])

  var failures: [HTTPRequestFailure] { state.withLock { $0.map(\.failure) } }
  var lines: [String] { state.withLock { $0.map(\.line) } }

  func add(_ job: String, _ step: String, _ failure: HTTPRequestFailure) {
    let line = "\(job) \(step) \(failure.code.rawValue): \(failure.message) (\(failure.detail))"
    state.withLock { $0.append((line, failure)) }
  }
}

/// The failure of a step; nil when the body throws something else, or nothing.
func stepFailure<Value>(_ body: () async throws -> Value) async -> StepFailureText? {
  do {
    _ = try await body()
    return nil
  } catch {
    guard case .failed(let failure) = error as? StepError else { return nil }
    return StepFailureText(code: failure.code.rawValue, message: failure.message)
  }
}

/// A failure, to be compared.
struct StepFailureText: Equatable {
  let code: String
  let message: String
}

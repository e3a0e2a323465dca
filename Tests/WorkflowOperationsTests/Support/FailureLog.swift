import Synchronization
import Workflow
import WorkflowOperations

/// Lines that an operation has logged.
final class FailureLog: Sendable {
  private let state = Mutex<[String]>([])

  var lines: [String] { state.withLock { $0 } }

  func add(_ line: String) { state.withLock { $0.append(line) } }
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

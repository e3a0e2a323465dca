import ExactJSON
import Testing
import Workflow
import WorkflowOperations

extension WorkflowOperations.Operation {
  /// What the operation returns, its defaults filled in.
  func result(_ params: JSONObject = [:], inputs: JSONObject = [:]) async throws -> OperationResult {
    let params = parameters.fillingDefaults(params)
    try parameters.check(resolved: params)
    let invocation = Invocation(job: "job", step: "step", params: params, inputs: inputs)
    do {
      return try await run(invocation)
    } catch .failed(let failure) {
      guard let result = fallback(after: failure, invocation) else { throw StepError.failed(failure) }
      return result
    }
  }

  /// The outputs, of an operation that has some.
  func outputs(_ params: JSONObject = [:], inputs: JSONObject = [:]) async throws -> JSONObject {
    let result = try await result(params, inputs: inputs)
    guard case .outputs(let outputs, _) = result else { throw StepFailure(.operationFailed, "\(result)") }
    return outputs
  }

  /// The `loc` and `type` of every fault of a step's params.
  func faults(_ params: JSONObject) -> [String] {
    parameters.faults(in: params, at: []).map { fault in
      let way = fault.location.map { if case .key(let key) = $0 { key } else { "?" } }
      return "\(way.joined(separator: ".")): \(fault.type)"
    }
  }
}

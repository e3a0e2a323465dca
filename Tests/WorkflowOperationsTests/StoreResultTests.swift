import ExactJSON
import Testing
import Workflow
import WorkflowOperations

@Suite struct StoreResultTests {
  private let operation = StoreResult()

  @Test(arguments: [nil, true, "a", 7, [1, ["a": "b"]], ["items": []]] as [JSONValue])
  func `Any value is handed on as it is`(data: JSONValue) async throws {
    guard case .stored(let namespace, let stored) = try await operation.result(["namespace": "n", "data": data]) else {
      Issue.record("nothing is stored")
      return
    }
    #expect(namespace == "n")
    #expect(stored == data)
  }

  @Test func `A namespace that a reference made something else of fails the step`() async throws {
    let invocation = Invocation(job: "job", step: "store", params: ["namespace": 1, "data": "a"], inputs: [:])
    await #expect(throws: StepError.failed(.init(.operationFailed, "namespace must be a string; number is there"))) {
      try await operation.run(invocation)
    }
  }

  @Test func `Its parameters are those of the contract`() {
    #expect(operation.name == "store_result" && operation.isImmediate)
    #expect(operation.parameters.fillingDefaults([:]) == ["namespace": "default", "data": "@llm.summary"])
    #expect(operation.faults(["namespace": "", "data": nil]).isEmpty)
    #expect(operation.faults(["namespace": .string(String(repeating: "é", count: 200))]).isEmpty)
    #expect(
      operation.faults(["namespace": .string(String(repeating: "é", count: 201))]) == ["namespace: string_too_long"])
    #expect(operation.faults(["namespace": 1, "value": 1]) == ["namespace: string_type", "value: extra_forbidden"])
  }
}

import ExactJSON
import Workflow
import WorkflowCommand
import WorkflowOperations

struct Shout: Operation {
  let name = "shout"
  let parameters = ParameterSchema([.init("text", .string(), default: "@inputs.text")])

  func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    .outputs(["text": .string(try invocation.string("text").uppercased())])
  }
}

await CommandLineTool.main(operations: [Shout()])

public import ExactJSON

/// A run as its author describes it: a name, the inputs, and a graph of steps.
///
/// A definition that came out of ``DefinitionReader`` is valid: ids are unique, every dependency exists, there is no
/// cycle, and each step's parameters hold the defaults of its operation.
public struct WorkflowDefinition: Sendable, Equatable {
  /// What the author calls the run; 0 to 200 characters.
  public let runName: String
  /// The run's inputs; any JSON.
  public let inputs: JSONObject
  /// The steps in the order in which they were written.
  public let steps: [StepDefinition]

  /// Puts together a definition whose parts are known to be valid.
  public init(runName: String, inputs: JSONObject, steps: [StepDefinition]) {
    self.runName = runName
    self.inputs = inputs
    self.steps = steps
  }

  /// The limits that the page Contract names under "Submitting a run".
  public enum Limit {
    /// Characters (Unicode scalars) of a run's name.
    public static let runNameScalars = 200
    /// Steps of a run.
    public static let steps = 1_000
    /// Characters of a step's id.
    public static let stepIDScalars = 128
  }
}

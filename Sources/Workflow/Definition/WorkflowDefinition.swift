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
  /// Whether nothing more starts once a step has failed. If not, every step that does not depend on it runs first.
  public let failsFast: Bool
  /// What its calls of models may cost.
  public let budget: Budget
  /// What it says of itself besides.
  public let options: RunOptions

  /// Puts together a definition whose parts are known to be valid.
  public init(
    runName: String, inputs: JSONObject, steps: [StepDefinition], failsFast: Bool = true, budget: Budget = Budget(),
    options: RunOptions = RunOptions()
  ) {
    self.options = options
    self.runName = runName
    self.inputs = inputs
    self.steps = steps
    self.failsFast = failsFast
    self.budget = budget
  }

  /// What a worker must have to execute the run: the operations that the steps name, `field:…` for each field that a
  /// worker of an older version does not know, and `priority:…` of a run that has one. Runs that require the same are
  /// of one class, and each class has a queue.
  public var requirements: Set<String> {
    var found = Set(steps.map(\.op))
    if !failsFast { found.insert("field:fail_fast") }
    if budget != Budget() { found.insert("field:max_cost") }
    if options.priority != .normal { found.insert(Self.requirement(of: options.priority)) }
    for step in steps { found.formUnion(step.newerFields) }
    return found
  }

  /// The fields that this version knows and an older one does not.
  public static let newerFields: Set<String> = [
    requirement(of: .high), requirement(of: .low), "field:fail_fast", "field:optional", "field:when", "field:timeout_s",
    "field:needs.on", "field:retry", "field:foreach", "field:max_cost", "field:llm_summarize.sentences",
    "field:llm_summarize.language",
    "field:llm_summarize.chunk_tokens",
  ]

  /// What a run of a priority requires.
  public static func requirement(of priority: RunOptions.Priority) -> String { "priority:\(priority.rawValue)" }

  /// What calls of models may cost.
  public struct Budget: Sendable, Equatable {
    /// Those of the run; nil for any amount.
    public var run: Cost?
    /// Those of all runs of its owner in a day (UTC), as the owner's key has it; nil where it says nothing.
    public var day: Cost?

    /// A budget; without arguments any amount.
    public init(run: Cost? = nil, day: Cost? = nil) {
      self.run = run
      self.day = day
    }
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

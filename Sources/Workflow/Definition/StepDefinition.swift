public import ExactJSON

/// One step of a workflow: an operation, its parameters, and the steps that it waits for.
public struct StepDefinition: Sendable, Equatable {
  /// The name by which other steps refer to this one; ASCII letters, digits, `_` and `-`, so it needs no escaping in
  /// JSON or in a Redis field.
  public let id: String
  /// The name of the operation.
  public let op: String
  /// The steps that the author names as dependencies; each is a valid id.
  public let needs: [Need]
  /// The operation's parameters, defaults filled in, references not resolved.
  public let params: JSONObject
  /// What the author says besides.
  public let options: Options

  /// What a step may say besides its operation. Most steps say nothing, so it is one reference, which is cheap to copy.
  public struct Options: Sendable, Equatable {
    private struct Values: Sendable, Equatable {
      var isOptional = false
      var condition: JSONValue?
      var timeout: JSONNumber?
      var retry: RetryOptions?
      var foreach: Foreach?
    }

    private var values: OutOfLine<Values>?

    private mutating func change(_ change: (inout Values) -> Void) {
      var changed = values?.value ?? Values()
      change(&changed)
      values = changed == Values() ? nil : OutOfLine(changed)
    }

    /// Whether its failure does not fail the run: its dependents see it as skipped.
    public var isOptional: Bool {
      get { values?.value.isOptional ?? false }
      set { change { $0.isOptional = newValue } }
    }
    /// A condition (``Condition``) without which it is skipped, references not resolved.
    public var condition: JSONValue? {
      get { values?.value.condition }
      set { change { $0.condition = newValue } }
    }
    /// Seconds that one attempt may take, as they were written.
    public var timeout: JSONNumber? {
      get { values?.value.timeout }
      set { change { $0.timeout = newValue } }
    }
    /// When failed attempts are repeated; nil where the operation decides.
    public var retry: RetryOptions? {
      get { values?.value.retry }
      set { change { $0.retry = newValue } }
    }
    /// The array that the step runs over; nil for a step that runs once.
    public var foreach: Foreach? {
      get { values?.value.foreach }
      set { change { $0.foreach = newValue } }
    }

    /// The options of a step that says nothing.
    public init() {}

    /// Whether the step says nothing.
    public var isEmpty: Bool { values == nil }
  }

  /// Puts together a step whose parts are known to be valid.
  public init(id: String, op: String, needs: [Need], params: JSONObject, options: Options = Options()) {
    self.id = id
    self.op = op
    self.needs = needs
    self.params = params
    self.options = options
  }

  /// Every step that must have ended before this one: `needs`, and each step that a parameter or the condition refers
  /// to; in order, once.
  public var dependencies: [Need] { references.dependencies }

  /// What the step's parameters refer to, with `needs`.
  struct References {
    /// Steps, in order, each once.
    var dependencies: [Need] = []
    /// How many references into the run's inputs there are.
    var inputs = 0
  }

  /// Reads all references of the step.
  var references: References {
    var found = References()
    // A valid id is short and ASCII, so its hash is cheap.
    var seen = Set<String>()
    for need in needs where seen.insert(need.step).inserted { found.dependencies.append(need) }
    func read(_ text: String) {
      text.forEachMention { mention in
        switch mention.root {
        case .step(let id): if seen.insert(id).inserted { found.dependencies.append(Need(id)) }
        case .inputs: found.inputs += 1
        case .item, nil: break
        }
      }
    }
    JSONValue.object(params).forEachString(read)
    options.condition?.forEachString(read)
    options.foreach?.array.forEachString(read)
    return found
  }

  /// The fields of the step that a worker of an older version does not know.
  var newerFields: [String] {
    var fields = newerParameters
    if options.isEmpty, needs.allSatisfy({ $0.trigger == .done }) { return fields }
    if options.isOptional { fields.append("field:optional") }
    if options.condition != nil { fields.append("field:when") }
    if options.timeout != nil { fields.append("field:timeout_s") }
    if options.foreach != nil { fields.append("field:foreach") }
    if options.retry != nil { fields.append("field:retry") }
    if needs.contains(where: { $0.trigger != .done }) { fields.append("field:needs.on") }
    return fields
  }

  /// The parameters that a worker of an older version does not know, and would pass over.
  private var newerParameters: [String] {
    guard op == "llm_summarize" else { return [] }
    return Self.newerSummaryParameters.filter { params[$0] != nil }.map { "field:llm_summarize.\($0)" }
  }

  /// Those of `llm_summarize`.
  static let newerSummaryParameters = ["sentences", "language", "chunk_tokens"]

  /// Ids that name something else in a reference.
  public static let reservedIDs: Set<String> = ["inputs", "item"]

  /// The grammar of an id, as a regular expression.
  public static let idPattern = "^[A-Za-z0-9_][A-Za-z0-9_-]{0,127}$"

  /// Whether a text follows ``idPattern``.
  public static func isValidID(_ text: some StringProtocol) -> Bool {
    guard let first = text.utf8.first, text.utf8.count <= WorkflowDefinition.Limit.stepIDScalars else { return false }
    return first != UInt8(ascii: "-") && text.utf8.allSatisfy(isIDCharacter)
  }

  private static func isIDCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}

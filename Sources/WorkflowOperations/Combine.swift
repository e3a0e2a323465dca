import ExactJSON
public import Workflow

/// `combine`: joins texts with a separator.
public struct Combine: Operation {
  /// The operation's name.
  public let name = "combine"
  /// `parts`: an array, of which a string counts as it is and any other value as its compact JSON text; `separator`;
  /// `skip_empty`: whether empty strings and nulls are left out, with their separators.
  public let parameters = ParameterSchema([
    .init(required: "parts", .array, summary: "the parts; any that is no string counts as its compact JSON text"),
    .init("separator", .string(), default: "\n\n", summary: "the text between two parts"),
    .init("skip_empty", .boolean, default: false, summary: "whether empty strings and nulls are left out"),
  ])
  // Not immediate: the parts may take as much as a step may be given, and a thread that other runs wait for would copy
  // megabytes. How much it is is not known before the operation runs.

  /// Creates the operation.
  public init() {}

  /// Returns `text`.
  public func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    let separator = try invocation.string("separator")
    let skipsEmpty = invocation.params["skip_empty"]?.boolValue ?? false
    var text = CountedText(limit: invocation.outputLimit)
    var isFirst = true
    for part in invocation.params["parts"]?.arrayValue ?? [] {
      if skipsEmpty, part == .null || part.stringValue?.isEmpty == true { continue }
      if !isFirst { try text.append(separator) }
      isFirst = false
      try text.append(part)
    }
    return .outputs(["text": .string(text.text)])
  }
}

/// A text that becomes the one output of a step and is not built further than it may be.
private struct CountedText {
  let limit: ByteLimit
  private var bytes: [UInt8] = []
  private var counter: JSONByteCounter

  init(limit: ByteLimit) {
    self.limit = limit
    counter = JSONByteCounter(left: limit.bytes)
    _ = counter.take(["text": ""])
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  mutating func append(_ value: JSONValue) throws(StepError) {
    if let string = value.stringValue { return try append(string) }
    guard value.byteCount(atMost: max(0, counter.left)) != nil else { throw .failed(.outputs(over: limit)) }
    try append(value.text)
  }

  mutating func append(_ string: String) throws(StepError) {
    let fits = string.utf8.span.withUnsafeBufferPointer { added in
      guard counter.take(escaping: added) else { return false }
      bytes += added
      return true
    }
    if !fits { throw .failed(.outputs(over: limit)) }
  }
}

import ExactJSON
public import Workflow

/// `split_text`: cuts a text into chunks that are short enough for a model.
public struct SplitText: Operation {
  /// The operation's name.
  public let name = "split_text"
  /// `text`; `max_chars` or `max_tokens`: the length of a chunk at most; `overlap`: how much of the end of a chunk the
  /// next one repeats at most, in the same unit.
  public let parameters = ParameterSchema(
    [
      .init(required: "text", .string(), summary: "the text that is cut"),
      .init(
        "max_chars", .integer(1...4_000_000),
        summary: "characters of a chunk at most; \(defaultChars) if neither limit is given"),
      .init(
        "max_tokens", .integer(1...1_000_000), summary: "tokens of a chunk at most, estimated; not with `max_chars`"),
      .init(
        "overlap", .integer(0...4_000_000), default: 0,
        summary: "how much of a chunk's end the next one repeats at most, in the unit of the limit and less than it"),
    ],
    rules: [
      .atMostOne(["max_chars", "max_tokens"]), .less("overlap", than: "max_chars"),
      .less("overlap", than: "max_tokens"),
    ])
  // Not immediate: a text of megabytes takes many milliseconds, and its length is not known before the operation runs.

  /// Characters of a chunk at most, where a step names no limit.
  public static let defaultChars = 4_000

  /// Bytes in UTF-8 that count as one token. The number of tokens is an estimate: "On average, in practice, each token
  /// corresponds to about 4 bytes" (README of OpenAI's tiktoken). Texts in other languages than English, and code, may
  /// have more tokens.
  public static let bytesPerToken = 4

  /// Creates the operation.
  public init() {}

  /// Returns `chunks` and `count`.
  public func run(_ invocation: Invocation) async throws(StepError) -> OperationResult {
    let text = try invocation.string("text")
    let splitter = try Self.splitter(invocation.params)
    var counter = JSONByteCounter(left: invocation.outputLimit.bytes)
    _ = counter.take(["chunks": [], "count": 0])
    var chunks: [JSONValue] = []
    let isComplete = splitter.split(text) { chunk in
      let chunk = JSONValue.string(chunk)
      guard counter.take(bytes: chunks.isEmpty ? 0 : 1), counter.take(chunk) else { return false }
      chunks.append(chunk)
      return !Task.isCancelled
    }
    if !isComplete { throw Task.isCancelled ? .cancelled : .failed(.outputs(over: invocation.outputLimit)) }
    return .outputs(["chunks": .array(chunks), "count": .number(JSONNumber(chunks.count))])
  }

  private static func splitter(_ params: JSONObject) throws(StepError) -> TextSplitter {
    let overlap = params["overlap"]?.numberValue?.int ?? 0
    if let tokens = params["max_tokens"]?.numberValue?.int {
      return TextSplitter(limit: tokens * bytesPerToken, overlap: overlap * bytesPerToken, unit: .bytes)
    }
    let chars = params["max_chars"]?.numberValue?.int ?? defaultChars
    guard overlap < chars else {
      throw .failed(
        StepFailure(.operationFailed, "overlap must be less than \(defaultChars), the default of max_chars"))
    }
    return TextSplitter(limit: chars, overlap: overlap, unit: .scalars)
  }
}

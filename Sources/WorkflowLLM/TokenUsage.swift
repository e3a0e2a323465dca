/// The tokens of a call, in one form for all providers; nil where the provider does not say.
public struct TokenUsage: Sendable, Equatable {
  /// Tokens of the prompt, those of a cache included.
  public var input: Int?
  /// Tokens of the prompt that the provider's cache held.
  public var cachedInput: Int?
  /// Tokens of the answer, those of reasoning included.
  public var output: Int?
  /// Tokens of reasoning.
  public var reasoning: Int?

  /// Creates a count.
  public init(input: Int? = nil, cachedInput: Int? = nil, output: Int? = nil, reasoning: Int? = nil) {
    // No prompt is empty: servers that do not count say 0.
    self.input = input == 0 ? nil : input
    self.cachedInput = cachedInput
    self.output = output
    self.reasoning = reasoning
  }
}

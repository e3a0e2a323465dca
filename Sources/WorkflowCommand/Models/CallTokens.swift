import ExactJSON
import WorkflowLLM

/// The tokens of a call, as its provider counts them, and their price.
struct CallTokens: Equatable {
  /// Tokens of the prompt, those included that the provider's cache held.
  var input: Int
  /// Those of them that it held.
  var cached: Int
  /// Tokens of the answer.
  var output: Int

  /// Reads the usage of an answer; nil where the provider counts nothing.
  ///
  /// OpenAI's counts of prompts include cached tokens; Anthropic's have them beside.
  init?(_ usage: JSONValue, _ wire: ModelDefinition.Wire) {
    guard let counts = usage.objectValue else { return nil }
    func count(_ names: String..., in object: JSONObject? = nil) -> Int? {
      names.lazy.compactMap { (object ?? counts)[$0]?.numberValue?.int }.first
    }
    guard let input = count("prompt_tokens", "input_tokens"), let output = count("completion_tokens", "output_tokens")
    else { return nil }
    self.output = output
    if wire == .messages {
      cached = count("cache_read_input_tokens") ?? 0
      self.input = input + cached + (count("cache_creation_input_tokens") ?? 0)
    } else {
      let details = (counts["prompt_tokens_details"] ?? counts["input_tokens_details"])?.objectValue
      cached = details.flatMap { count("cached_tokens", in: $0) } ?? 0
      self.input = input
    }
  }

  /// What they cost.
  func price(_ prices: ModelDefinition.Prices) -> Double {
    let fresh = Double(max(0, input - cached)) * prices.input
    return (fresh + Double(cached) * (prices.cachedInput ?? prices.input) + Double(output) * prices.output) / 1_000_000
  }

  /// A price with six decimals, such as `0.000215`.
  static func text(_ price: Double) -> String {
    let millionths = (price * 1_000_000).rounded()
    guard millionths < 1e15 else { return "\(price)" }
    if millionths == 0, price > 0 { return "<0.000001" }
    let digits = String(Int(millionths) % 1_000_000)
    return "\(Int(millionths) / 1_000_000)." + String(repeating: "0", count: 6 - digits.count) + digits
  }
}

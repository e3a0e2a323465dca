import ExactJSON
import Testing
import WorkflowLLM

@testable import WorkflowCommand

/// The tokens of a call, and their price.
@Suite struct CallTokensTests {
  private static let cases: [(usage: JSONValue, wire: ModelDefinition.Wire, counts: [Int]?)] = [
    (["prompt_tokens": 100, "completion_tokens": 7], .chatCompletions, [100, 0, 7]),
    (
      ["prompt_tokens": 100, "completion_tokens": 7, "prompt_tokens_details": ["cached_tokens": 64]], .chatCompletions,
      [100, 64, 7]
    ),
    (
      ["input_tokens": 100, "output_tokens": 7, "input_tokens_details": ["cached_tokens": 64]], .responses,
      [100, 64, 7]
    ),
    (
      [
        "input_tokens": 36, "output_tokens": 7, "cache_read_input_tokens": 64, "cache_creation_input_tokens": 10,
      ], .messages, [110, 64, 7]
    ),
    (["prompt_tokens": 100], .chatCompletions, nil), (.null, .messages, nil),
  ]

  @Test(arguments: cases)
  func `Counts of each wire are read`(_ example: (usage: JSONValue, wire: ModelDefinition.Wire, counts: [Int]?)) {
    let tokens = CallTokens(example.usage, example.wire)
    #expect(tokens.map { [$0.input, $0.cached, $0.output] } == example.counts)
  }

  @Test func `A price counts cached tokens by their own price, or by that of the others`() throws {
    let tokens = try #require(CallTokens(Self.cases[1].usage, .chatCompletions))
    let price = tokens.price(.init(input: 2, cachedInput: 1, output: 10))
    #expect(CallTokens.text(price) == "0.000206")
    #expect(CallTokens.text(tokens.price(.init(input: 2, output: 10))) == "0.000270")
    #expect(CallTokens.text(0) == "0.000000" && CallTokens.text(0.000_000_1) == "<0.000001")
    #expect(CallTokens.text(12.5) == "12.500000")
  }
}

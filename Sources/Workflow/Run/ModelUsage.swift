public import ExactJSON

/// What calls of models have used: tokens, and what they cost.
public struct ModelUsage: Sendable, Equatable {
  /// The calls, those that failed included.
  public var calls = 0
  /// Tokens of the prompts, those of a cache included.
  public var input = 0
  /// Tokens of the prompts that the provider's cache held.
  public var cachedInput = 0
  /// Tokens of the answers, those of reasoning included.
  public var output = 0
  /// Tokens of reasoning.
  public var reasoning = 0
  /// What they cost; nil where no price is known.
  public var cost: Cost?
  /// Whether a part of the cost is the most that a call may cost, because it is under way or nothing says what it did
  /// cost.
  public var isEstimate = false

  /// No calls.
  public init() {}

  /// Adds what other calls have used.
  public mutating func add(_ other: ModelUsage) {
    calls += other.calls
    input += other.input
    cachedInput += other.cachedInput
    output += other.output
    reasoning += other.reasoning
    if let more = other.cost { cost = (cost ?? Cost()) + more }
    isEstimate = isEstimate || other.isEstimate
  }

  /// Whether some answer has said how many tokens it took. Where none has, the counts are zeros that say nothing.
  public var countsTokens: Bool { input > 0 || output > 0 }

  /// Whether nothing was used.
  public var isEmpty: Bool { self == ModelUsage() }

  /// As the status has it:
  /// `{"calls","input_tokens","cached_tokens","output_tokens","reasoning_tokens","cost"}`, the last one only where a
  /// price is known, and `"estimated": true` where a part of it is the most that a call may have cost.
  public var json: JSONObject {
    var json: JSONObject = [
      "calls": .number(JSONNumber(calls)), "input_tokens": .number(JSONNumber(input)),
      "cached_tokens": .number(JSONNumber(cachedInput)), "output_tokens": .number(JSONNumber(output)),
      "reasoning_tokens": .number(JSONNumber(reasoning)),
    ]
    if let cost { json["cost"] = .number(cost.json) }
    if isEstimate { json["estimated"] = true }
    return json
  }
}

/// An amount of money, in billionths of the unit in which the prices of models are.
public struct Cost: Sendable, Equatable, Comparable {
  /// Billionths.
  public let billionths: Int

  /// The largest amount.
  private static let most = 9_000_000_000_000_000

  /// An amount in billionths; no larger than nine million units, which a script counts without rounding.
  public init(billionths: Int = 0) { self.billionths = min(max(0, billionths), Self.most) }

  /// The cost of tokens at a price for a million of them, rounded up.
  public init(tokens: Int, perMillion price: Double) {
    let amount = (Double(tokens) * price * 1_000).rounded(.up)
    self.init(billionths: amount < Double(Self.most) ? Int(amount) : Self.most)
  }

  /// An amount as a body or a file has it; nil when it is negative.
  public init?(_ number: JSONNumber) {
    let amount = (number.double * 1_000_000_000).rounded()
    guard amount >= 0 else { return nil }
    self.init(billionths: amount < Double(Self.most) ? Int(amount) : Self.most)
  }

  /// As JSON has it, such as `0.000125`.
  public var json: JSONNumber { JSONNumber(text: text) ?? JSONNumber(0) }

  /// In units, with as many of nine decimals as it needs.
  public var text: String {
    let (units, rest) = billionths.quotientAndRemainder(dividingBy: 1_000_000_000)
    if rest == 0 { return "\(units)" }
    var decimals = String(String(1_000_000_000 + rest).dropFirst())
    while decimals.last == "0" { decimals.removeLast() }
    return "\(units).\(decimals)"
  }

  /// The sum.
  public static func + (one: Cost, other: Cost) -> Cost {
    Cost(billionths: one.billionths + other.billionths)
  }

  /// Whether one amount is smaller than another.
  public static func < (one: Cost, other: Cost) -> Bool { one.billionths < other.billionths }
}

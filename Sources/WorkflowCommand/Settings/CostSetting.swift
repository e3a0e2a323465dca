import ExactJSON
import Workflow

/// An amount of money as a setting or an option has it: a number such as `12.5`, or `none`.
struct CostSetting {
  /// The amount; nil for any.
  let cost: Cost?

  /// The largest amount.
  private static let most = 1_000_000.0
  /// What a sentence says is expected.
  static let expected = "a number from 0 to 1000000, in the unit of the models' prices, or none,"

  /// Reads a text; nil when it is something else.
  init?(_ text: String) {
    if text == "none" {
      cost = nil
      return
    }
    guard let number = JSONNumber(text: text), (0...Self.most).contains(number.double) else { return nil }
    cost = Cost(number)
  }
}

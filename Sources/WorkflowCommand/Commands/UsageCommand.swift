import ArgumentParser
import ExactJSON
import WorkflowStore

/// `wf usage`: what calls of models have used.
struct UsageCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "usage", abstract: "Show what calls of models have used, by day, owner and model.",
    discussion: """
      A line each: day (UTC), owner, model, calls, how many of them failed, tokens of prompts (of which the provider's \
      cache held some) and of answers, and the cost in the unit of the models' prices, where these are known. It is "at most" \
      where a call is under way, or did not say what it has used. Tokens are "-" where no answer has named a count.

      wf usage                    today
      wf usage --days 30
      wf usage --days 30 --json | jq '[.usage[].cost] | add'
      """)

  @Option(help: "How many days, today being the last: 1 to \(RunStore.spendingDays).")
  var days = 1

  @Flag(help: "Print the API's JSON.")
  var json = false

  func validate() throws {
    guard (1...RunStore.spendingDays).contains(days) else {
      throw ValidationError("--days is a number from 1 to \(RunStore.spendingDays).")
    }
  }

  func run() async throws {
    let answer = try await APIClient(Settings.apiAccess()).usage(days: days)
    if json { return Terminal.show(.object(answer)) }
    let entries = answer["usage"]?.arrayValue?.compactMap(\.objectValue) ?? []
    if entries.isEmpty { return Terminal.say("no model was called \(days == 1 ? "today" : "in \(days) days") (UTC)") }
    for line in UsageTable.lines(entries) { Terminal.show(line) }
  }
}

/// The use of models as lines of text.
struct UsageTable {
  private static let heads = ["DAY", "OWNER", "MODEL", "CALLS", "FAILED", "INPUT", "CACHED", "OUTPUT", "COST"]
  /// Columns of words; the others are numbers.
  private static let words = 3

  /// One line for each day, owner and model below the heads.
  static func lines(_ entries: [JSONObject]) -> [String] {
    let rows = [heads] + entries.map(row)
    let widths = heads.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = zip(row, widths).enumerated().map { index, cell in
        let blanks = String(repeating: " ", count: cell.1 - cell.0.count)
        return index < words ? cell.0 + blanks : blanks + cell.0
      }
      return cells.joined(separator: "  ")
    }
  }

  private static func row(_ entry: JSONObject) -> [String] {
    let names = ["calls", "failed", "input_tokens", "cached_tokens", "output_tokens"]
    // Zeros of tokens say that no answer has named a count.
    func isZero(_ name: String) -> Bool { entry[name]?.numberValue?.int == 0 }
    let isCounted = !isZero("input_tokens") || !isZero("output_tokens")
    let numbers = names.map { name in
      let isKnown = isCounted || !name.hasSuffix("_tokens")
      return isKnown ? entry[name]?.numberValue?.text ?? "-" : "-"
    }
    let texts = ["day", "owner", "model"].map { entry[$0]?.stringValue ?? "-" }
    let cost = entry["cost"]?.numberValue.map { (entry["estimated"] == true ? "at most " : "") + $0.text } ?? "-"
    return (texts + numbers + [cost]).map(\.oneLine)
  }
}

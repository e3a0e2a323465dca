import ArgumentParser
import Glibc
import Workflow

/// The options that say which runs are meant.
struct RunSelection: ParsableArguments {
  @Option(
    name: .customLong("status"),
    help: "Their status: queued, started, finished, failed or cancelled; may be repeated.",
    completion: .list(RunStatus.allCases.map(\.rawValue)))
  var statuses: [String] = []

  @Flag(help: "Only those that are paused.")
  var paused = false

  @Option(help: "Their run_name.")
  var name: String?

  @Option(name: .customLong("label"), help: "A label that they have, as name=value; may be repeated.")
  var labels: [String] = []

  @Option(help: "The name of the key that they were submitted with.")
  var owner: String?

  @Option(help: "Why they failed, such as rate_limited.", completion: .list(ErrorCode.allCases.map(\.rawValue)))
  var errorCode: String?

  @Option(help: "Submitted then or later: a time such as 2026-12-24T18:00:00Z, or an age such as 90s, 15m, 2h or 7d.")
  var since: String?

  @Option(help: "Submitted before that time or age.")
  var before: String?

  /// Whether nothing is said.
  var isEmpty: Bool { (try? items.isEmpty) ?? false }

  /// The items of a query.
  var items: [(name: String, value: String)] {
    get throws {
      var items = statuses.map { (name: "status", value: $0) }
      if paused { items.append(("paused", "1")) }
      if let name { items.append(("name", name)) }
      items += labels.map { ("label", $0) }
      if let owner { items.append(("owner", owner)) }
      if let errorCode { items.append(("error_code", errorCode)) }
      if let since { items.append(("since", try Self.time(since))) }
      if let before { items.append(("before", try Self.time(before))) }
      return items
    }
  }

  /// A time as the API reads it; an age is counted back from now.
  static func time(_ text: String) throws -> String {
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
    guard let last = text.last, let unit = units[last] else { return text }
    guard let count = Int(text.dropLast()), (0...100_000_000).contains(count) else {
      throw ValidationError("\(text) is no time and no age; an age is a number and s, m, h or d.")
    }
    return DateText.utc(Glibc.time(nil) - count * unit)
  }
}

/// Times as people read them.
enum DateText {
  /// A time in UTC, such as `2026-11-29T10:12:32Z`.
  static func utc(_ seconds: Int) -> String {
    var seconds = time_t(seconds)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ number: Int32) -> String { String(number + 100).dropFirst().description }
    let date = "\(parts.tm_year + 1_900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return "\(date)T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
  }
}

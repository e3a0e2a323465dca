import Glibc
import Hiredis
public import Workflow

/// What the calls of a model have used in a day, for one owner.
public struct ModelSpending: Sendable, Equatable {
  /// The day (UTC), such as `2026-11-30`.
  public let day: String
  /// Whose runs they were of; nil without API keys.
  public let owner: String?
  /// The model's name.
  public let model: String
  /// What they have used; the cost of calls that are under way, or whose end says nothing, is the most that they may
  /// have cost.
  public internal(set) var usage = ModelUsage()
  /// How many of them failed.
  public internal(set) var failed = 0
}

extension RunStore {
  /// Days of which the sums are kept.
  public static let spendingDays = 100

  /// What calls of models have used, by day, owner and model.
  /// - Parameters:
  ///   - days: how many days, today (UTC) being the last; at most ``spendingDays``.
  ///   - owner: whose; nil for all.
  public func spending(days: Int, owner: String? = nil) async throws(StoreError) -> [ModelSpending] {
    guard let time = try await send(["TIME"]).array?.first?.string.flatMap({ Int($0) }) else {
      throw .damaged("TIME is answered without a time")
    }
    let today = time / 86_400
    let numbers = Array((today - min(max(1, days), Self.spendingDays) + 1)...today)
    // The connection takes single commands in another way.
    let replies = try await send([["TIME"]] + numbers.map { ["HGETALL", keys.spending(day: $0)] }).dropFirst()
    var spending: [ModelSpending] = []
    for (number, reply) in zip(numbers, replies) {
      guard let words = reply.array else { throw .damaged("\(keys.spending(day: number)) is no hash") }
      spending += sums(of: words, day: Self.date(ofDay: number), owner: owner)
    }
    return spending
  }

  /// The date of a day since 1970, such as `2026-11-30`.
  private static func date(ofDay number: Int) -> String {
    var (time, parts) = (time_t(number * 86_400), tm())
    gmtime_r(&time, &parts)
    func digits(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(parts.tm_year + 1_900)-\(digits(parts.tm_mon + 1))-\(digits(parts.tm_mday))"
  }

  private func sums(of words: [RedisReply], day: String, owner: String?) -> [ModelSpending] {
    var found: [String: ModelSpending] = [:]
    for index in stride(from: 0, to: words.count - 1, by: 2) {
      guard let field = words[index].string, let count = words[index + 1].string.flatMap({ Int($0) }) else { continue }
      let parts = field.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, owner == nil || String(parts[1]) == owner else { continue }
      let known = String(field.dropFirst(parts[0].count + 1))
      let name = parts[1] == "-" ? nil : String(parts[1])
      var entry = found[known] ?? ModelSpending(day: day, owner: name, model: String(parts[2]))
      if parts[0] == "failed" { entry.failed = count } else { entry.usage.set(String(parts[0]), count) }
      found[known] = entry
    }
    return found.sorted { $0.key < $1.key }.map(\.value)
  }

  /// What calls of models have used for a run, by step; empty where it has called none. The cost of a call that is
  /// under way is the most that it may cost.
  public func usage(ofRun id: JobID) async throws(StoreError) -> [String: ModelUsage] {
    guard let words = try await send(["HGETALL", keys.spent(by: id.description)]).array else {
      throw .damaged("\(keys.spent(by: id.description)) is no hash")
    }
    var usages: [String: ModelUsage] = [:]
    for index in stride(from: 0, to: words.count - 1, by: 2) {
      guard let field = words[index].string, let count = words[index + 1].string.flatMap({ Int($0) }) else { continue }
      // No step's id has a colon.
      let parts = field.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      usages[String(parts[1]), default: ModelUsage()].set(String(parts[0]), count)
    }
    return usages
  }
}

extension ModelUsage {
  /// Takes a count under the name that it has in Redis.
  fileprivate mutating func set(_ name: String, _ count: Int) {
    switch name {
    case "calls": calls = count
    case "input": input = count
    case "cached": cachedInput = count
    case "output": output = count
    case "reasoning": reasoning = count
    case "cost": cost = Cost(billionths: count)
    case "estimated": isEstimate = count > 0
    default: break
    }
  }
}

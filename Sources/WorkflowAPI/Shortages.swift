import ExactJSON
import Workflow
import WorkflowStore

/// Queued runs that no live worker can take, by what is missing.
struct Shortages {
  /// What no worker has.
  fileprivate enum Missing: Hashable {
    case operation(String)
    /// A field of a newer version than that of all workers.
    case field(String)
    /// Some worker has each of these, but none has all of them.
    case combination([String])
  }

  /// The most shortages that are listed one by one.
  private static let most = 20

  private var runs: [Missing: Int] = [:]

  /// - Parameters:
  ///   - waiting: queued runs by what they require.
  ///   - snapshot: the workers; those that are drained take no runs.
  init(_ waiting: [Set<String>: Int], _ snapshot: OperationCatalog.Snapshot) {
    let able = snapshot.workers.filter { !$0.isDrained }
    let digests = Set(able.map { $0.announcement?.abilities ?? "" })
    let abilities = digests.compactMap { snapshot.abilities[$0]?.requirements }
    // A worker of which nothing is known may have what is missing; and without workers that is what is to be said.
    guard abilities.count == digests.count, !abilities.isEmpty else { return }
    let all = abilities.reduce(into: Set()) { $0.formUnion($1) }
    for (needed, count) in waiting where !abilities.contains(where: needed.isSubset) {
      let missing = needed.subtracting(all)
      for name in missing { runs[Self.missing(name), default: 0] += count }
      if missing.isEmpty { runs[.combination(needed.sorted()), default: 0] += count }
    }
  }

  private static func missing(_ requirement: String) -> Missing {
    if requirement.hasPrefix("field:") { return .field(String(requirement.dropFirst(6))) }
    return requirement.hasPrefix("priority:") ? .field("priority") : .operation(requirement)
  }

  var isEmpty: Bool { runs.isEmpty }

  private var sorted: [(key: Missing, value: Int)] {
    runs.sorted { ($1.value, $0.key.text) < ($0.value, $1.key.text) }
  }

  /// What is missing, for programs.
  var json: JSONValue {
    .array(
      sorted.prefix(Self.most).map { missing, count in
        [missing.kind: .string(missing.text), "runs": .number(JSONNumber(count))]
      })
  }

  /// A sentence each.
  var warnings: [String] {
    let listed = sorted.prefix(Self.most).map { missing, count in
      count == 1 ? "1 run waits \(missing.reason)" : "\(count) runs wait \(missing.reason)"
    }
    return listed
      + (runs.count > Self.most ? ["runs wait for \(runs.count - Self.most) other things that no worker has"] : [])
  }
}

extension Shortages.Missing {
  fileprivate var kind: String {
    switch self {
    case .operation: "operation"
    case .field: "field"
    case .combination: "operations"
    }
  }

  fileprivate var text: String {
    switch self {
    case .operation(let name), .field(let name): name
    case .combination(let names): names.joined(separator: ", ").cut(toBytes: 1_000)
    }
  }

  fileprivate var reason: String {
    switch self {
    case .operation: "for the operation \(text), which no live worker has: start a worker that has it"
    case .field: "for a worker that knows the field \(text): upgrade the workers"
    case .combination: "for one worker that has all of \(text): each has only some of them"
    }
  }
}

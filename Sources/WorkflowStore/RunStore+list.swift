import Hiredis
import Workflow

/// What a list says of a run; texts as they lie in Redis.
public struct ListedRun: Sendable {
  /// The run's id.
  public let id: JobID
  /// What is known of it; the log and the documents are not counted.
  public let facts: RunFacts
  /// Where it is in its list.
  let place: RunCursor.Place

  /// By what runs of several partitions are put in order: the time of submission, or of the end.
  func time(isByEnd: Bool) -> Double {
    Double(String(decoding: (isByEnd ? facts.finishedAt : nil) ?? facts.createdAt, as: UTF8.self)) ?? 0
  }
}

/// A page of runs.
public struct RunPage: Sendable {
  /// The runs, the newest first.
  public var runs: [ListedRun]
  /// Where the next page begins; nil when this is the last one.
  public var next: RunCursor?
}

extension RunStore {
  /// How many runs one script looks at; they take Redis some two milliseconds.
  private static let mostPerCall = 500

  /// Reads runs from a place on, the newest first.
  /// - Parameters:
  ///   - limit: how many at most.
  ///   - looks: how many runs may be looked at.
  /// - Returns: the runs, and the place after them.
  func list(
    _ filter: RunFilter, after place: RunCursor.Place, limit: Int, looks: Int
  ) async throws(StoreError) -> (runs: [ListedRun], next: RunCursor.Place) {
    var (runs, place, looks): ([ListedRun], RunCursor.Place, Int) = ([], place, looks)
    while runs.count < limit, looks > 0, place != .end {
      let most = min(looks, Self.mostPerCall)
      let reply = try await evaluate(
        Scripts.list, [keys.runs], arguments(filter, after: place, limit: limit - runs.count, most: most))
      guard let parts = reply.array, parts.count >= 3, let first = parts[0].string, let second = parts[1].string,
        let looked = parts[2].int
      else { throw Self.damaged(Scripts.list, reply) }
      looks -= max(1, looked)
      runs += parts.dropFirst(3).compactMap { ListedRun($0) }
      place = first.isEmpty ? .end : .after(first, second)
    }
    return (runs, place)
  }

  private func arguments(
    _ filter: RunFilter, after place: RunCursor.Place, limit: Int, most: Int
  ) -> RedisArguments {
    let (list, index) = filter.place
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(list)
    arguments.append(index)
    if case .after(let first, let second) = place {
      arguments.append(first)
      arguments.append(second)
    } else {
      arguments.append("")
      arguments.append("")
    }
    arguments.append(limit)
    arguments.append(most)
    arguments.append(filter.since.map { "\($0.microseconds)" } ?? "")
    arguments.append(filter.before.map { "\($0.microseconds)" } ?? "")
    for word in filter.words { arguments.append(word) }
    return arguments
  }
}

extension ListedRun {
  /// Reads what list.lua says of a run; nil when wf did not write it.
  fileprivate init?(_ reply: RedisReply) {
    guard let words = reply.array, words.count >= 4, let id = words[0].string.flatMap({ JobID($0) }),
      let first = words[1].string, let second = words[2].string, let facts = RunFacts(listed: words.dropFirst(3))
    else { return nil }
    self.id = id
    self.facts = facts
    place = .after(first, second)
  }
}

extension Partitions {
  /// How many runs one request for a page may look at; they take Redis less than 20 ms.
  private static let mostLooks = 5_000

  /// Reads a page of runs, the newest first. A page may have fewer runs than asked for although more follow: then as
  /// many were looked at as one request may.
  public func list(
    _ filter: RunFilter, after cursor: RunCursor? = nil, limit: Int
  ) async throws(StoreError) -> RunPage {
    var cursor = cursor ?? RunCursor(partitions: count)
    let share = Self.mostLooks / count
    var found: [(partition: Int, run: ListedRun)] = []
    var following = cursor.places
    let looks = try await gather { [places = cursor.places] number, store throws(StoreError) in
      try await store.list(filter, after: places[number], limit: limit, looks: share)
    }
    for (number, look) in looks.enumerated() {
      found += look.runs.map { (number, $0) }
      following[number] = look.next
    }
    let isByEnd = filter.place.list == "ended"
    if count > 1 { found.sort { $0.run.time(isByEnd: isByEnd) > $1.run.time(isByEnd: isByEnd) } }
    let page = found.prefix(limit)
    for number in cursor.places.indices {
      let rest = found.dropFirst(limit).contains { $0.partition == number }
      if !rest {
        cursor.places[number] = following[number]
      } else if let last = page.last(where: { $0.partition == number }) {
        cursor.places[number] = last.run.place
      }
    }
    return RunPage(runs: page.map(\.run), next: cursor.isAtEnd ? nil : cursor)
  }

  /// A cursor that a client has sent; nil for a text that is none.
  public func cursor(_ text: String) -> RunCursor? { RunCursor(text, partitions: count) }
}

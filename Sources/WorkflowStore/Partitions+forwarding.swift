import Hiredis
import Workflow

/// Where an entry of the public list goes, where the partitions are on several servers.
public enum InboxRoute: Sendable {
  /// To the list of a partition, by its number.
  case partition(Int)
  /// To a list of refused entries, with the reason.
  case refused(String)
}

/// The public inbox where the partitions are on several servers. No script can move an entry from one to another, so it
/// is written first and removed then. Where the worker dies between the two, it is moved once more: the second one has
/// the id of the first, and makes no run.
extension Partitions {
  /// The number of the partition that takes an entry without an id.
  public func number(of entry: InboxEntry) -> Int { Int(Self.hash(entry.digest)) % count }

  /// Moves entries from the public list to those of their partitions. Safe to send twice.
  ///
  /// An entry whose partition is down stays.
  /// - Parameters:
  ///   - offset: the position of the first of them.
  ///   - now: Redis's clock, in milliseconds.
  ///   - note: receives each partition that was asked, and its error.
  public func forward(
    _ entries: [(entry: InboxEntry, route: InboxRoute)], from offset: Int, now: Int,
    note: (RunStore, StoreError?) -> Void
  ) async throws(StoreError) -> [InboxOutcome] {
    let numbers = entries.map { entry, route in
      if case .partition(let number) = route { number } else { number(of: entry) }
    }
    var written: Set<Int> = []
    for number in Set(numbers).sorted() where all[number].outage == nil {
      let own = zip(entries, numbers).filter { $0.1 == number }.map(\.0)
      do throws(StoreError) {
        try await all[number].push(own, now: now)
        written.insert(number)
        note(all[number], nil)
      } catch {
        note(all[number], error)
      }
    }
    return try await settle(
      zip(entries, numbers).map { ($0.0.entry.digest, written.contains($0.1)) }, from: offset)
  }

  /// Removes from the public list what is elsewhere by now.
  private func settle(
    _ entries: [(digest: [UInt8], isMoved: Bool)], from offset: Int
  ) async throws(StoreError) -> [InboxOutcome] {
    var arguments = RedisArguments()
    arguments.append(keys.prefix)
    arguments.append(all[0].limits.retain)
    arguments.append(Self.mostRefusedEntries)
    arguments.append("")
    arguments.append(offset)
    for (digest, isMoved) in entries {
      arguments.append(digest)
      arguments.append(isMoved ? "move" : "stay")
      for _ in 0..<6 { arguments.append("") }
    }
    let reply = try await shared(keys.inbox).evaluate(
      Scripts.take, [keys.inbox, keys.inbox, keys.inbox], arguments)
    guard let outcomes = reply.array, outcomes.count == entries.count else {
      throw RunStore.damaged(Scripts.take, reply)
    }
    return outcomes.map { InboxOutcome($0.string ?? "") }
  }
}

extension RunStore {
  /// Appends entries to the list of this partition, and those that are refused to that of refused ones.
  fileprivate func push(
    _ entries: [(entry: InboxEntry, route: InboxRoute)], now: Int
  ) async throws(StoreError) {
    var (taken, refused): (RedisArguments, RedisArguments) = (["RPUSH"], ["RPUSH"])
    taken.append(keys.inbox)
    refused.append(keys.inboxRefused)
    var (hasTaken, hasRefused) = (false, false)
    for (entry, route) in entries {
      switch route {
      case .partition:
        taken.append(entry.bytes)
        hasTaken = true
      case .refused(let reason):
        let time = Timestamp(microseconds: now * 1_000)
        refused.append(Array("{\"ts\":\(time.text),".utf8) + entry.members(reason) + [UInt8(ascii: "}")])
        hasRefused = true
      }
    }
    var commands = hasTaken ? [taken] : []
    if hasRefused {
      let (first, kept) = ("-\(Partitions.mostRefusedEntries)", "\(limits.retain)")
      commands += [
        refused, ["LTRIM", keys.inboxRefused, first, "-1"], ["EXPIRE", keys.inboxRefused, kept],
      ]
    }
    // The replicas have them before they go from the public list, which is at another server. These are asked first, or
    // each attempt without them would leave one more copy.
    _ = try await sendSafely([])
    _ = try await sendSafely(commands)
  }
}

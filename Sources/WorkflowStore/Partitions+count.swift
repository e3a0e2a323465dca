import Hiredis

/// The data in Redis are divided among another number of partitions than the settings say.
public struct PartitionMismatch: Error, Equatable, CustomStringConvertible {
  /// How many partitions the data have.
  public let stored: Int
  /// How many the settings say.
  public let configured: Int

  /// The number of partitions of the data and of the settings.
  public init(stored: Int, configured: Int) {
    self.stored = stored
    self.configured = configured
  }

  /// Both numbers.
  public var description: String {
    "WF_PARTITIONS is \(configured), but the data in Redis have \(stored) \(stored == 1 ? "partition" : "partitions")"
  }

  /// What to do about it.
  public var remedy: String {
    "set WF_PARTITIONS=\(stored), or use an empty database or another WF_KEY_PREFIX"
  }
}

/// How the number of partitions compares with that of the data.
public enum PartitionCheck: Sendable, Equatable {
  /// They are the same.
  case fits
  /// They differ: runs would not be found.
  case differs(PartitionMismatch)
  /// Redis has not answered.
  case unknown
}

extension Partitions {
  /// Reads how many partitions the data have; nil when there are no data. Data that do not say it have one: they are
  /// older than the number.
  public func storedCount() async throws(StoreError) -> Int? { try await storedCount(within: nil) }

  /// Compares the count with that of the data; where there are no data, writes it down.
  /// - Parameter limit: how long a command may take; as long as the stores allow unless given.
  /// - Returns: how they differ; nil when they do not.
  public func mismatch(within limit: Duration? = nil) async throws(StoreError) -> PartitionMismatch? {
    var stored = try await storedCount(within: limit)
    if stored == nil {
      // Another process may write it at the same time.
      let reply = try await all[0].send(["SET", keys.partitions, "\(count)", "NX", "GET"], within: limit)
      stored = try reply.string.map { text throws(StoreError) in try count(in: text) }
    }
    guard let stored, stored != count else { return nil }
    return PartitionMismatch(stored: stored, configured: count)
  }

  /// Compares the count with that of the data as soon as Redis answers.
  /// - Parameters:
  ///   - limit: how long to wait for the answer; until the task is cancelled unless given.
  ///   - outages: is told what Redis answers instead.
  public func check(within limit: Duration? = nil, _ outages: OutageLog) async -> PartitionCheck {
    let deadline = limit.map { ContinuousClock.now + $0 }
    repeat {
      do throws(StoreError) {
        let mismatch = try await mismatch(within: limit)
        outages.noteSuccess()
        return mismatch.map { .differs($0) } ?? .fits
      } catch {
        outages.note(error)
      }
      if let deadline, .now >= deadline { return .unknown }
      try? await Task.sleep(for: .milliseconds(100))
    } while !Task.isCancelled
    return .unknown
  }

  private func storedCount(within limit: Duration?) async throws(StoreError) -> Int? {
    if let text = try await all[0].send(["GET", keys.partitions], within: limit).string { return try count(in: text) }
    var command: RedisArguments = ["EXISTS"]
    for key in keys.shared + keys.formerQueues.map(\.key) { command.append(key) }
    return try await all[0].send(command, within: limit).int == 0 ? nil : 1
  }

  private func count(in text: String) throws(StoreError) -> Int {
    guard let count = Int(text) else { throw .damaged("\(keys.partitions) is \(text.prefix(20))") }
    return count
  }
}

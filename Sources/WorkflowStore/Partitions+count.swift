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
    if isSpread { return try await spreadMismatch(within: limit) }
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
  ///   - outages: receives what Redis answers instead.
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
    if isSpread {
      if let count = try await spreadCounts(within: limit).lazy.compactMap({ try? $0.get() }).first { return count }
      return try await sharedCount()
    }
    if let text = try await all[0].send(["GET", keys.partitions], within: limit).string { return try count(in: text) }
    var command: RedisArguments = ["EXISTS"]
    for key in keys.shared + keys.formerQueues.map(\.key) { command.append(key) }
    return try await all[0].send(command, within: limit).int == 0 ? nil : 1
  }

  private func count(in text: String, of key: String? = nil) throws(StoreError) -> Int {
    guard let count = Int(text) else { throw .damaged("\(key ?? keys.partitions) is \(text.prefix(20))") }
    return count
  }

  // MARK: On several servers

  /// Each partition holds the count, so that it is known whichever server is down.
  private func spreadCounts(within limit: Duration?) async throws(StoreError) -> [Result<Int?, StoreError>] {
    let counts = await answers(within: limit ?? .seconds(1), waits: true) { [self] _, store throws(StoreError) in
      let text = try await store.send(["GET", store.keys.partitions]).string
      return try text.map { text throws(StoreError) in try count(in: text, of: store.keys.partitions) }
    }
    // Damage comes before an outage, and that counts only where no partition answers.
    let failures = counts.compactMap { if case .failure(let error) = $0 { error } else { nil } }
    if let error = Self.joined(failures), error.isAnswer || failures.count == count { throw error }
    return counts
  }

  /// The count that data have which were moved here from a single server.
  private func sharedCount() async throws(StoreError) -> Int? {
    let text = try await shared(keys.partitions).send(["GET", keys.partitions]).string
    return try text.map { text throws(StoreError) in try count(in: text) }
  }

  private func spreadMismatch(within limit: Duration?) async throws(StoreError) -> PartitionMismatch? {
    let counts = try await spreadCounts(within: limit)
    var known = counts.compactMap { try? $0.get() }
    if known.isEmpty, let count = try await sharedCount() { known = [count] }
    if let other = known.first(where: { $0 != count }) { return PartitionMismatch(stored: other, configured: count) }
    // In order, so that of several processes with different counts one wins.
    for (number, found) in counts.enumerated() {
      guard case .success(nil) = found else { continue }
      let key = all[number].keys.partitions
      do throws(StoreError) {
        let reply = try await all[number].send(["SET", key, "\(count)", "NX", "GET"], within: limit)
        let other = try reply.string.map { text throws(StoreError) in try count(in: text, of: key) }
        if let other, other != count { return PartitionMismatch(stored: other, configured: count) }
        known.append(count)
      } catch {
        guard !known.isEmpty else { throw error }
      }
    }
    return nil
  }
}

import Hiredis
public import Workflow

/// A portion of a run's progress log, with its status.
public struct RunUpdate: Sendable {
  /// The run's status.
  public let status: RunStatus
  /// Progress entries from the asked one on, as JSON text.
  public let entries: [[UInt8]]
  /// Whether there are further entries. Then the status may be newer than these entries.
  public let hasMore: Bool

  /// Whether the run has ended and these are its last entries.
  public var isLast: Bool { status.isTerminal && !hasMore }
}

extension RunStore {
  /// Bytes of entries after which a portion of the log ends; one portion is sent to a watcher at a time.
  public static let updatePortion = 64 << 10
  /// Bytes of entries that Redis looks through for their heads in one script, which takes it a millisecond or two.
  private static let headsPortion = 1 << 20
  /// Bytes of an entry that hold all that `ProgressHead` reads.
  private static let headLength = 1 << 10

  /// Reads a run's update; nil when there is no run of this id.
  /// - Parameters:
  ///   - first: index of the first entry wanted, from 0; `.max` for none.
  ///   - limit: how long it may take; that of the store unless given.
  public func update(
    of id: JobID, from first: Int, within limit: Duration? = nil
  ) async throws(StoreError) -> RunUpdate? {
    try await portion(of: id, from: first, bytes: Self.updatePortion, head: 0, within: limit)
  }

  /// Reads the heads of the first entries of a run's log, without their outputs.
  /// - Parameter count: how many entries; fewer come where there are fewer.
  func heads(of id: JobID, count: Int) async throws(StoreError) -> [ProgressHead?] {
    var heads: [ProgressHead?] = []
    while heads.count < count {
      let portion = try await portion(
        of: id, from: heads.count, bytes: Self.headsPortion, head: Self.headLength)
      guard let portion, !portion.entries.isEmpty else { break }
      heads += portion.entries.map { ProgressHead($0) }
      if !portion.hasMore { break }
    }
    return Array(heads.prefix(count))
  }

  private func portion(
    of id: JobID, from first: Int, bytes: Int, head: Int, within limit: Duration? = nil
  ) async throws(StoreError) -> RunUpdate? {
    let names = [keys.job(id), keys.progress(id)]
    let reply = try await evaluate(Scripts.events, names, ["\(first)", "\(bytes)", "\(head)"], within: limit)
    if case .null = reply { return nil }
    guard let parts = reply.array, parts.count >= 2, let more = parts[1].int,
      let status = parts[0].string.flatMap(RunStatus.init(rawValue:))
    else { throw Self.damaged(Scripts.events, reply) }
    return RunUpdate(status: status, entries: parts.dropFirst(2).compactMap(\.bytesValue), hasMore: more == 1)
  }
}

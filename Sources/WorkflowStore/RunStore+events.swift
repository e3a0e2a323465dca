import Hiredis
public import Workflow

/// What is new of a run.
public struct RunNews: Sendable {
  /// Where the run stands.
  public let status: RunStatus
  /// The progress entries from the asked one on, as JSON text.
  public let entries: [[UInt8]]
}

extension RunStore {
  /// Reads what is new of a run; nil when there is none of this id.
  /// - Parameter first: index of the first entry wanted, from 0; `.max` for none.
  public func news(of id: JobID, from first: Int) async throws(StoreError) -> RunNews? {
    let reply = try await evaluate(Scripts.events, [keys.job(id), keys.progress(id)], ["\(first)"])
    if case .null = reply { return nil }
    guard let parts = reply.array, parts.count == 2, let entries = parts[1].array,
      let status = parts[0].string.flatMap(RunStatus.init(rawValue:))
    else { throw RunStore.damaged(Scripts.events, reply) }
    return RunNews(status: status, entries: entries.compactMap(\.bytesValue))
  }
}

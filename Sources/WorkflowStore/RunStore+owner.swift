import Hiredis

extension RunStore {
  /// The name of the key that a run was submitted with; nil for a run without one, and where there is no such run.
  public func owner(of id: JobID) async throws(StoreError) -> String? {
    try await send(["HGET", keys.job(id), "owner"]).string
  }

  /// What the runs of a name take.
  public func usage(of owner: String) async throws(StoreError) -> RunUsage {
    var usage = RunUsage()
    let fields = try await send(["HGETALL", keys.usage(of: owner)]).array ?? []
    let hour = (try await send(["TIME"]).array?.first?.int ?? 0) / 3_600
    for index in stride(from: 0, to: fields.count - 1, by: 2) {
      let count = max(0, fields[index + 1].string.flatMap { Int($0) } ?? 0)
      switch fields[index].string {
      case "runs": usage.runs = count
      case "bytes": usage.bytes += count
      case let name?: if let end = Int(name), end >= hour { usage.bytes += count }
      case nil: break
      }
    }
    return usage
  }
}

/// What the runs of a name take in a partition.
public struct RunUsage: Sendable, Equatable {
  /// Queued and started runs.
  public var runs = 0
  /// Bytes that are stored.
  public var bytes = 0

  /// Nothing.
  public init() {}
}

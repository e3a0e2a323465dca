import AccessKeys
import LinuxSupport
import Synchronization
import Workflow
import WorkflowStore

/// What the runs of a name may take besides those that it has.
///
/// The script that accepts a run counts, so a limit holds whatever other API processes accept. With several partitions
/// each counts its own runs: what the others have is looked up once a second, and a limit may be exceeded by what they
/// accept within it. A partition that is down, of several servers, counts with what was known of it last.
final class RunAllowance: Sendable {
  private struct CachedUsages {
    let usages: [RunUsage]
    let time: MonotonicInstant
  }

  private let partitions: Partitions
  private let cache = Mutex<[String: CachedUsages]>([:])

  init(_ partitions: Partitions) { self.partitions = partitions }

  /// What the partition of a run may hold for the name of a key; nil where nothing limits it.
  func quota(of key: AccessKey, for id: JobID) async throws(APIError) -> RunQuota? {
    guard key.limits.runs != nil || key.limits.bytes != nil else { return nil }
    var quota = RunQuota(runs: key.limits.runs, bytes: key.limits.bytes)
    if partitions.count == 1 { return quota }
    let own = partitions.number(of: id)
    for (position, usage) in try await usages(of: key.name).enumerated() where position != own {
      quota.runs? -= usage.runs
      quota.bytes? -= usage.bytes
    }
    return quota
  }

  private func usages(of name: String) async throws(APIError) -> [RunUsage] {
    if let cached = cache.withLock({ $0[name] }), .now - cached.time < .seconds(1) { return cached.usages }
    let time = MonotonicInstant.now
    let usages = try await partitions.reading { partitions throws(StoreError) in
      try await read(name, in: partitions)
    }
    cache.withLock { [usages] in $0[name] = CachedUsages(usages: usages, time: time) }
    return usages
  }

  private func read(_ name: String, in partitions: Partitions) async throws(StoreError) -> [RunUsage] {
    guard partitions.isSpread else {
      var usages: [RunUsage] = []
      for store in partitions.all { usages.append(try await store.usage(of: name)) }
      return usages
    }
    let known = cache.withLock { $0[name]?.usages }
    let answers = await partitions.answers(within: .seconds(1)) { _, store throws(StoreError) in
      try await store.usage(of: name)
    }
    return answers.enumerated().map { number, answer in (try? answer.get()) ?? known?[number] ?? RunUsage() }
  }
}

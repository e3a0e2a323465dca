import Glibc
import Hiredis
import WorkflowStore

/// Looks at the Redis that the settings name.
struct RedisCheck {
  let connection: RedisConnection
  let partitions: Partitions
  let address: RedisAddress
  /// How many replicas wf waits for.
  let replicas: Int

  /// What was found.
  func results() async -> [CheckResult] {
    if connection.isCluster { return await clusterResults() }
    let failover = FailoverCheck(address: address, awaited: replicas)
    let sentinels = await failover.sentinelResults()
    do throws(RedisError) {
      _ = try await connection.send(["PING"], timeout: .seconds(5))
    } catch {
      return sentinels + [unreachable(error)]
    }
    // A Redis that refuses every script says so twice.
    let writes = await writes()
    let rights = await rights().filter { $0.text != writes.text }
    return sentinels + [await version(), writes] + rights + (await count()) + (await inbox()) + [await clock()]
      + (await configuration())
      + failover.replicaResults(connected: await connectedReplicas(), least: await minReplicasToWrite())
  }

  /// What keeps wf from working there or makes Redis lose runs; nil when it does not answer.
  func problems() async -> [CheckResult]? {
    guard (try? await connection.send(["PING"], timeout: .seconds(5))) != nil else { return nil }
    if connection.isCluster { return await (rights() + cluster.results().settings).filter { $0.outcome != .ok } }
    return await (rights() + configuration()).filter { $0.outcome != .ok }
  }

  private var cluster: ClusterCheck { ClusterCheck(address: address, partitions: partitions, awaited: replicas) }

  /// What was found in a cluster, of each node and of the whole.
  private func clusterResults() async -> [CheckResult] {
    let nodes = await cluster.results().all
    do throws(RedisError) {
      _ = try await connection.send(["PING"], timeout: .seconds(5))
    } catch {
      return [unreachable(error)] + nodes
    }
    let writes = await writes()
    let rights = await rights().filter { $0.text != writes.text }
    return nodes + [writes] + rights + (await count()) + (await inbox())
  }

  private func unreachable(_ error: RedisError) -> CheckResult {
    let failure = connection.failure
    return .failed(
      "Redis at \(address): \(failure?.reason ?? "\(error)")",
      remedy: failure?.remedy ?? "start Redis, or set REDIS_URL to where it is")
  }

  /// The server's own name and version: Valkey says that it is Redis 7.2 where it is asked for `redis_version`.
  private func version() async -> CheckResult {
    let hello = (try? await connection.send(["HELLO"], timeout: .seconds(5)).array) ?? []
    var facts: [String: String] = [:]
    for index in stride(from: 0, to: hello.count - 1, by: 2) {
      if let name = hello[index].string { facts[name] = hello[index + 1].string }
    }
    guard let server = facts["server"], let version = facts["version"] else {
      return .warning("Redis at \(address) does not report its version", remedy: "see yourself that it is 7 or newer")
    }
    let name = server.prefix(1).uppercased() + server.dropFirst()
    let major = version.split(separator: ".").first.flatMap { Int($0) } ?? 0
    if server != "redis" || major >= 7 { return .ok("\(name) \(version) at \(address)") }
    return .failed("\(name) \(version) at \(address)", remedy: "wf's scripts need Redis 7 or newer, or Valkey")
  }

  /// The script behind /status/health is refused when writes are.
  private func writes() async -> CheckResult {
    do throws(StoreError) {
      _ = try await partitions.health()
      return .ok("Redis takes writes")
    } catch {
      return result(error)
    }
  }

  /// Whether the settings have as many partitions as the data. Nothing is said of a single one, as by default.
  private func count() async -> [CheckResult] {
    guard let stored = try? await partitions.storedCount(), stored > 1 || stored != partitions.count else { return [] }
    if stored == partitions.count { return [.ok("the runs are divided among \(stored) partitions")] }
    let mismatch = PartitionMismatch(stored: stored, configured: partitions.count)
    return [.failed("\(mismatch)", remedy: mismatch.remedy)]
  }

  /// Nothing is said of an inbox that is in order.
  private func inbox() async -> [CheckResult] {
    guard let state = try? await partitions.inboxState() else { return [] }
    let list = state.refusedLists.first ?? ""
    if let fault = state.fault { return [.failed(fault, remedy: "redis-cli TYPE \(partitions.keys.prefix)inbox")] }
    if state.refused == 0 { return [] }
    return [
      .warning(
        "\(state.refused) entries of the inbox were refused",
        remedy: "redis-cli LRANGE \(list) 0 -1 shows them and why; then redis-cli DEL \(list)")
    ]
  }

  private func rights() async -> [CheckResult] {
    do throws(StoreError) {
      guard let missing = try await partitions.missingRights() else {
        return [
          .warning(
            "Redis does not report what its user may do", remedy: "see yourself: Operating.md has the ACL SETUSER line")
        ]
      }
      if missing.isEmpty { return [.ok("Redis allows all that wf needs")] }
      return rightsResults(missing)
    } catch {
      return [result(error)]
    }
  }

  /// Words as a shell takes them.
  private static func quoted(_ words: String) -> String {
    words.split(separator: " ").map { $0.contains { "~&*|?[]\\{}".contains($0) } ? "'\($0)'" : String($0) }
      .joined(separator: " ")
  }

  /// The line that allows the user all that wf needs, on the keys and channels under the prefix in force.
  private var permission: String {
    let rules = RedisCheck.quoted(RedisRequirements.rules(partitions.keys))
    return "redis-cli ACL SETUSER \(address.user ?? "default") \(rules)"
  }

  private func rightsResults(_ missing: [MissingRight]) -> [CheckResult] {
    func names(_ rights: [MissingRight]) -> String { rights.map(\.command).joined(separator: ", ") }
    let user = address.user ?? "default"
    var results: [CheckResult] = []
    let forbidden = missing.filter { $0.isKnown && !$0.isOptional }
    if !forbidden.isEmpty {
      results.append(
        .failed(
          "Redis's user \(user) may not run \(names(forbidden)) on wf's keys and channels",
          remedy: permission))
    }
    let unknown = missing.filter { !$0.isKnown && !$0.isOptional }
    if !unknown.isEmpty {
      results.append(
        .failed("Redis does not know \(names(unknown))", remedy: "take rename-command out of redis.conf"))
    }
    let optional = missing.filter(\.isOptional)
    if !optional.isEmpty {
      results.append(
        .warning(
          "Redis does not let \(user) run \(names(optional)); wf works without, but sees less",
          remedy: "allow them (ACL SETUSER, rename-command)"))
    }
    return results
  }

  private func result(_ error: StoreError) -> CheckResult {
    // With the prefix in force: the user may be allowed another one only.
    if case .refused(cause: "NOPERM", let reason, _) = error {
      return .failed("Redis refuses: \(reason.split(separator: "; ").first ?? "NOPERM")", remedy: permission)
    }
    let parts = "\(error)".split(separator: "; ", maxSplits: 1).map(String.init)
    return .failed(parts[0], remedy: parts.count > 1 ? parts[1] : "Redis's log and its configuration say more")
  }

  private func clock() async -> CheckResult {
    let before = time(nil)
    guard let now = try? await connection.send(["TIME"], timeout: .seconds(5)).array?.first?.int else {
      return .warning("Redis does not report its time", remedy: "see yourself that its clock is right")
    }
    let difference = now - before
    if abs(difference) <= 2 { return .ok("Redis's clock and this host's agree") }
    return .warning("Redis's clock is \(difference) s from this host's", remedy: "run an NTP client on both hosts")
  }

  private func configuration() async -> [CheckResult] {
    let policy = (try? await partitions.all[0].evictionPolicy()) ?? .unknown
    guard policy != .unknown, let appendonly = await appendOnly() else {
      return [
        .warning(
          "Redis does not show its configuration",
          remedy: "see yourself that maxmemory-policy is noeviction and appendonly is yes")
      ]
    }
    let eviction = policy.warning.map { CheckResult.failed($0, remedy: EvictionPolicy.remedy) }
    return [eviction ?? .ok("Redis evicts nothing"), await persistence(appendonly)]
  }

  private func appendOnly() async -> String? {
    if let value = await setting("appendonly") { return value }
    guard let enabled = try? await partitions.all[0].info(["persistence"])["aof_enabled"] else { return nil }
    return enabled == "1" ? "yes" : "no"
  }

  private func persistence(_ appendonly: String) async -> CheckResult {
    if appendonly == "yes" {
      return .ok("Redis keeps an append-only file, appendfsync \(await setting("appendfsync") ?? "?")")
    }
    return .warning(
      "appendonly is \(appendonly): what came since the last snapshot is lost when Redis dies",
      remedy: """
        redis-cli CONFIG SET appendonly yes && redis-cli CONFIG REWRITE (with the setting in redis.conf alone, the next \
        start begins empty); appendfsync always where no second may be lost
        """)
  }

  private func connectedReplicas() async -> Int? {
    try? await partitions.all[0].info(["replication"])["connected_slaves"].flatMap { Int($0) }
  }

  private func minReplicasToWrite() async -> Int? { await setting("min-replicas-to-write").flatMap { Int($0) } }

  private func setting(_ name: String) async -> String? {
    var command: RedisArguments = ["CONFIG", "GET"]
    command.append(name)
    return try? await connection.send(command, timeout: .seconds(5)).array?.last?.string
  }
}

import Glibc
import Hiredis
import WorkflowStore

/// Looks at the Redis that the settings name.
struct RedisExamination {
  let connection: RedisConnection
  let store: RunStore
  let address: RedisAddress

  /// What was found.
  func findings() async -> [Finding] {
    do throws(RedisError) {
      _ = try await connection.send(["PING"], timeout: .seconds(5))
    } catch {
      return [unreachable(error)]
    }
    // A Redis that refuses every script says so twice.
    let writes = await writes()
    let rights = await rights().filter { $0.text != writes.text }
    return [await version(), writes] + rights + [await clock()] + (await configuration())
  }

  /// What keeps wf from working there or makes Redis lose runs; nil when it does not answer.
  func doubts() async -> [Finding]? {
    guard (try? await connection.send(["PING"], timeout: .seconds(5))) != nil else { return nil }
    return await (rights() + configuration()).filter { $0.verdict != .fine }
  }

  private func unreachable(_ error: RedisError) -> Finding {
    let failure = connection.failure
    return .broken(
      "Redis at \(address): \(failure?.reason ?? "\(error)")",
      remedy: failure?.remedy ?? "start Redis, or set REDIS_URL to where it is")
  }

  /// The server's own name and version: Valkey says that it is Redis 7.2 where it is asked for `redis_version`.
  private func version() async -> Finding {
    let hello = (try? await connection.send(["HELLO"], timeout: .seconds(5)).array) ?? []
    var facts: [String: String] = [:]
    for index in stride(from: 0, to: hello.count - 1, by: 2) {
      if let name = hello[index].string { facts[name] = hello[index + 1].string }
    }
    guard let server = facts["server"], let version = facts["version"] else {
      return .doubtful("Redis at \(address) does not tell its version", remedy: "see yourself that it is 7 or newer")
    }
    let name = server.prefix(1).uppercased() + server.dropFirst()
    let major = version.split(separator: ".").first.flatMap { Int($0) } ?? 0
    if server != "redis" || major >= 7 { return .fine("\(name) \(version) at \(address)") }
    return .broken("\(name) \(version) at \(address)", remedy: "wf's scripts need Redis 7 or newer, or Valkey")
  }

  /// The script behind /status/health is refused when writes are.
  private func writes() async -> Finding {
    do throws(StoreError) {
      _ = try await store.health()
      return .fine("Redis takes writes")
    } catch {
      return finding(error)
    }
  }

  private func rights() async -> [Finding] {
    do throws(StoreError) {
      guard let missing = try await store.missingRights() else {
        return [
          .doubtful(
            "Redis does not tell what its user may do", remedy: "see yourself: Operating.md has the ACL SETUSER line")
        ]
      }
      if missing.isEmpty { return [.fine("Redis allows all that wf needs")] }
      return rightsFindings(missing)
    } catch {
      return [finding(error)]
    }
  }

  /// Words as a shell takes them.
  private static func quoted(_ words: String) -> String {
    words.split(separator: " ").map { $0.contains { "~&*|?[]\\{}".contains($0) } ? "'\($0)'" : String($0) }
      .joined(separator: " ")
  }

  /// The line that allows the user all that wf needs, on the keys and channels under the prefix in force.
  private var permission: String {
    let rules = RedisExamination.quoted(RedisRequirements.rules(store.keys))
    return "redis-cli ACL SETUSER \(address.user ?? "default") \(rules)"
  }

  private func rightsFindings(_ missing: [MissingRight]) -> [Finding] {
    func names(_ rights: [MissingRight]) -> String { rights.map(\.command).joined(separator: ", ") }
    let user = address.user ?? "default"
    var findings: [Finding] = []
    let forbidden = missing.filter { $0.isKnown && !$0.isOptional }
    if !forbidden.isEmpty {
      findings.append(
        .broken(
          "Redis's user \(user) may not run \(names(forbidden)) on wf's keys and channels",
          remedy: permission))
    }
    let unknown = missing.filter { !$0.isKnown && !$0.isOptional }
    if !unknown.isEmpty {
      findings.append(
        .broken("Redis does not know \(names(unknown))", remedy: "take rename-command out of redis.conf"))
    }
    let optional = missing.filter(\.isOptional)
    if !optional.isEmpty {
      findings.append(
        .doubtful(
          "Redis does not let \(user) run \(names(optional)); wf works without, but sees less",
          remedy: "allow them (ACL SETUSER, rename-command)"))
    }
    return findings
  }

  private func finding(_ error: StoreError) -> Finding {
    // With the prefix in force: the user may be allowed another one only.
    if case .refused(cause: "NOPERM", let reason, _) = error {
      return .broken("Redis refuses: \(reason.split(separator: "; ").first ?? "NOPERM")", remedy: permission)
    }
    let parts = "\(error)".split(separator: "; ", maxSplits: 1).map(String.init)
    return .broken(parts[0], remedy: parts.count > 1 ? parts[1] : "Redis's log and its configuration say more")
  }

  private func clock() async -> Finding {
    let before = time(nil)
    guard let now = try? await connection.send(["TIME"], timeout: .seconds(5)).array?.first?.int else {
      return .doubtful("Redis does not tell its time", remedy: "see yourself that its clock is right")
    }
    let difference = now - before
    if abs(difference) <= 2 { return .fine("Redis's clock and this host's agree") }
    return .doubtful("Redis's clock is \(difference) s from this host's", remedy: "run an NTP client on both hosts")
  }

  private func configuration() async -> [Finding] {
    let policy = (try? await store.evictionPolicy()) ?? .unknown
    guard policy != .unknown, let appendonly = await appendOnly() else {
      return [
        .doubtful(
          "Redis does not show its configuration",
          remedy: "see yourself that maxmemory-policy is noeviction and appendonly is yes")
      ]
    }
    let eviction = policy.warning.map { Finding.broken($0, remedy: EvictionPolicy.remedy) }
    return [eviction ?? .fine("Redis evicts nothing"), await persistence(appendonly)]
  }

  private func appendOnly() async -> String? {
    if let value = await setting("appendonly") { return value }
    guard let enabled = try? await store.info(["persistence"])["aof_enabled"] else { return nil }
    return enabled == "1" ? "yes" : "no"
  }

  private func persistence(_ appendonly: String) async -> Finding {
    if appendonly == "yes" {
      return .fine("Redis keeps an append-only file, appendfsync \(await setting("appendfsync") ?? "?")")
    }
    return .doubtful(
      "appendonly is \(appendonly): what came since the last snapshot is lost when Redis dies",
      remedy: "set appendonly yes in redis.conf; appendfsync always where no second may be lost")
  }

  private func setting(_ name: String) async -> String? {
    var command: RedisArguments = ["CONFIG", "GET"]
    command.append(name)
    return try? await connection.send(command, timeout: .seconds(5)).array?.last?.string
  }
}

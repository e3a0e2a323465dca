import Glibc
import Hiredis

/// Looks at the Redis that the settings name.
struct RedisExamination {
  let connection: RedisConnection
  let address: RedisAddress

  /// What was found.
  func findings() async -> [Finding] {
    do {
      let before = time(nil)
      let clock = try await connection.send(["TIME"], timeout: .seconds(5)).array?.first?.int ?? 0
      let info = try await info()
      return [version(info["redis_version"] ?? "?"), role(info["role"] ?? "?"), clockFinding(clock - before)]
        + (await configuration())
    } catch {
      return [
        .broken("Redis at \(address): \(error)", remedy: "start Redis, or set REDIS_URL to where it is")
      ]
    }
  }

  /// What makes a Redis lose runs, as far as it shows its configuration; nil when it does not answer.
  func doubts() async -> [Finding]? {
    guard (try? await connection.send(["PING"], timeout: .seconds(5))) != nil else { return nil }
    return await configuration().filter { $0.verdict != .fine }
  }

  private func info() async throws(RedisError) -> [String: String] {
    let text = try await connection.send(["INFO", "server", "replication"], timeout: .seconds(5)).string ?? ""
    var values: [String: String] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      values[String(line[..<colon])] = String(line[line.index(after: colon)...])
    }
    return values
  }

  private func version(_ version: String) -> Finding {
    let major = version.split(separator: ".").first.flatMap { Int($0) } ?? 0
    if major >= 7 { return .fine("Redis \(version) at \(address)") }
    return .broken("Redis \(version) at \(address)", remedy: "wf's scripts need Redis 7 or newer")
  }

  private func role(_ role: String) -> Finding {
    if role == "master" { return .fine("Redis takes writes") }
    return .broken("Redis is a \(role)", remedy: "set REDIS_URL to the primary")
  }

  private func clockFinding(_ difference: Int) -> Finding {
    if abs(difference) <= 2 { return .fine("Redis's clock and this host's agree") }
    return .doubtful("Redis's clock is \(difference) s from this host's", remedy: "run an NTP client on both hosts")
  }

  private func configuration() async -> [Finding] {
    guard let policy = await setting("maxmemory-policy"), let appendonly = await setting("appendonly") else {
      return [
        .doubtful(
          "Redis does not show its configuration",
          remedy: "see yourself that maxmemory-policy is noeviction and appendonly is yes")
      ]
    }
    return [eviction(policy), await persistence(appendonly)]
  }

  private func eviction(_ policy: String) -> Finding {
    if policy == "noeviction" { return .fine("Redis evicts nothing") }
    return .broken(
      "maxmemory-policy is \(policy): Redis may throw runs away",
      remedy: "set maxmemory-policy noeviction in redis.conf")
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

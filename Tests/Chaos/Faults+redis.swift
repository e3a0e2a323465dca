import Glibc
import Hiredis
import RedisFixture
import SystemHarness

/// What happens to Redis itself.
extension Faults {
  /// Recovery then waits for a lease, as after an outage.
  func stepClock(by seconds: Int, _ fault: Fault) async {
    count(fault)
    clock.step(by: seconds, live: try? await stack.liveRuns())
    timeline.redisCame()
    await rest(.seconds(2))
  }

  /// The user keeps what is needed to give it its rights back.
  func revoke(_ rights: String, for time: Duration, _ fault: Fault) async {
    count(fault)
    timeline.redisWent()
    await send(["ACL", "SETUSER", "default", rights, "+acl", "+ping"])
    await rest(time)
    await send(["ACL", "SETUSER", "default", "~*", "&*", "+@all"])
    await redisAnswers()
    await rest(.seconds(1))
  }

  // MARK: Lost writes

  /// What a power cut does under `appendfsync everysec`: Redis dies, and the end of its append-only file is gone.
  func loseLastSecond(_ fault: Fault) async {
    guard let file = appendOnlyFile, let live = try? await liveRuns() else { return }
    let start = WallClock.now
    let size = size(of: file)
    await rest(.seconds(1))
    await end("redis", by: SIGKILL, fault) { id in
      processes.send(SIGSTOP, to: id, of: "redis")
      guard await isStopped(id), appendOnlyFile == file, truncate(file, size) == 0 else {
        processes.send(SIGCONT, to: id, of: "redis")
        return false
      }
      losses.note(.init(start: start, end: WallClock.now, live: live))
      return true
    }
  }

  /// The file that Redis appends to; another one after each rewrite.
  private var appendOnlyFile: String? {
    let folder = "\(stack.folder)/redis/appendonlydir"
    guard let manifest = try? Stack.read("\(folder)/appendonly.aof.manifest") else { return nil }
    let lines = String(decoding: manifest, as: UTF8.self).split(separator: "\n")
    let name = lines.last { $0.hasSuffix(" type i") }?.split(separator: " ").dropFirst().first
    return name.map { "\(folder)/\($0)" }
  }

  private func size(of path: String) -> Int {
    var facts = stat()
    return stat(path, &facts) == 0 ? facts.st_size : 0
  }

  private func isStopped(_ id: Int32) async -> Bool {
    let found = try? await wait("Redis to stand still", within: .seconds(5)) { () -> Bool? in
      let words = String(decoding: try Stack.read("/proc/\(id)/stat"), as: UTF8.self).split(separator: " ")
      return words.count > 2 && words[2] == "T" ? true : nil
    }
    return found != nil
  }

  private func liveRuns() async throws -> Set<String> {
    try await Set(stack.startedRuns() + stack.queuedRuns())
  }

  // MARK: Failover

  /// A replica becomes the primary and gets the name, as in a managed Redis; the old primary keeps its connections and
  /// answers READONLY. After a while the same happens the other way round. Nothing is lost: writes are held until the
  /// replica has all of them.
  func failOver(_ fault: Fault) async {
    let ports = FreePort.find(2).map(String.init)
    timeline.redisWent()
    do {
      for (name, value) in [("port", ports[0]), ("repl-diskless-sync-delay", "0")] {
        _ = try await stack.command("CONFIG", "SET", name, value)
      }
      let other = RedisServer(
        isRunning: true, clock: clock.clock,
        [
          "--port", ports[1], "--replicaof", "127.0.0.1", ports[0], "--repl-diskless-sync-delay", "0", "--appendonly",
          "yes", "--appendfsync", "always",
        ])
      count(fault)
      let name = "\(stack.folder)/redis.sock"
      let first = Primary(socket: "\(stack.folder)/first.sock", port: ports[0])
      let second = Primary(socket: other.socketPath, port: ports[1])
      try await second.cli.waitForLink()
      try await hand(name, from: first, to: second)
      await rest(.seconds(4))
      try await first.cli.waitForLink()
      try await hand(name, from: second, to: first)
      await rest(.seconds(4))
      _ = try await stack.command("CONFIG", "SET", "port", "0")
      other.kill()
    } catch {
      surprise("the failover did not work: \(error)")
    }
    await redisAnswers()
    await rest(.seconds(1))
  }

  /// The name becomes the other's; each server's own name stays with it.
  private func hand(_ name: String, from old: Primary, to new: Primary) async throws {
    rename(name, old.socket)
    rename(new.socket, name)
    let renamed = Primary(socket: name, port: new.port)
    try await old.cli.send("CLIENT", "PAUSE", "10000", "WRITE")
    _ = try await wait("the replica") { () -> Bool? in
      guard let ahead = try? await old.cli.fact("master_repl_offset") else { return nil }
      let offset = try? await renamed.cli.fact("slave_repl_offset")
      return offset == ahead ? true : nil
    }
    try await renamed.cli.send("REPLICAOF", "NO", "ONE")
    try await old.cli.send("REPLICAOF", "127.0.0.1", new.port)
    try await old.cli.send("CLIENT", "UNPAUSE")
  }
}

/// One of two servers that take turns as the primary.
private struct Primary: Sendable {
  let socket: String
  let port: String
  var cli: RedisCLI { RedisCLI(socket: socket) }
}

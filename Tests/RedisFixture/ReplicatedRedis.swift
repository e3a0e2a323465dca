import Glibc
public import Hiredis
import Synchronization

/// A primary with replicas, and sentinels that promote one of them half a second after the primary's death.
public final class ReplicatedRedis: Sendable {
  /// The servers; the first is the primary at the start.
  public let servers: [RedisServer]
  private let ports: [Int]
  private let sentinelPorts: [Int]
  private let folder: String
  private let sentinels = Mutex<[pid_t]>([])

  /// Starts the servers, and the sentinels once the replicas follow the primary.
  /// - Parameters:
  ///   - sentinelSettings: lines of a sentinel.conf.
  public static func start(
    replicas: Int = 1, sentinels: Int = 3, sentinelSettings: [String] = []
  ) async throws -> ReplicatedRedis {
    let redis = ReplicatedRedis(replicas: replicas, sentinels: sentinels)
    try await redis.waitUntilReplicasFollow()
    if sentinels == 0 { return redis }
    redis.startSentinels(sentinelSettings)
    while try await redis.address().sentinelReports().contains(where: { $0.failure?.contains("refused") == true }) {
      try await Task.sleep(for: .milliseconds(20))
    }
    return redis
  }

  private init(replicas: Int, sentinels: Int) {
    let all = FreePort.find(1 + replicas + sentinels)
    ports = Array(all[...replicas])
    sentinelPorts = Array(all[(1 + replicas)...])
    servers = ports.enumerated().map { [ports] index, port in
      let common = ["--port", "\(port)", "--bind", "127.0.0.1", "--repl-diskless-sync-delay", "0"]
      return RedisServer(
        isRunning: true, common + (index == 0 ? [] : ["--replicaof", "127.0.0.1", "\(ports[0])"]))
    }
    var template = Array("/tmp/sentinels-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil, "cannot make a folder under /tmp")
    folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit {
    for index in sentinelPorts.indices {
      killSentinel(index)
      for name in ["conf", "log"] { unlink("\(folder)/\(index).\(name)") }
    }
    rmdir(folder)
  }

  /// The URL of the primary, over its sentinels.
  /// - Parameter name: of the primary.
  public func url(login: String = "", name: String = "main") -> String {
    "redis+sentinel://\(login)\(sentinelPorts.map { "127.0.0.1:\($0)" }.joined(separator: ","))/\(name)"
  }

  /// The address of the primary, over its sentinels.
  public func address(name: String = "main") throws -> RedisAddress { try RedisAddress(url(name: name)) }

  /// The port of a server.
  public func port(of server: Int) -> Int { ports[server] }

  /// Ends a sentinel, and waits until it is gone.
  public func killSentinel(_ index: Int) {
    sentinels.withLock { sentinels in
      guard sentinels.indices.contains(index), sentinels[index] != 0 else { return }
      kill(sentinels[index], SIGKILL)
      waitpid(sentinels[index], nil, 0)
      sentinels[index] = 0
    }
  }

  /// Waits until the sentinels know each other and all replicas, so that they can make a failover.
  public func waitUntilWatched() async throws {
    let address = try address()
    while true {
      let facts = await address.sentinelReports().compactMap(\.facts)
      let areReady = facts.allSatisfy { $0.sentinels == sentinelPorts.count && $0.replicas == servers.count - 1 }
      if facts.count == sentinelPorts.count, areReady { return }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// Waits until the primary of the start has all its replicas.
  public func waitUntilReplicasFollow() async throws {
    while followers < servers.count - 1 { try await Task.sleep(for: .milliseconds(20)) }
  }

  /// Has a sentinel promote a replica although the primary is well, as for maintenance.
  public func failOver() async throws {
    while !ask("-p \(sentinelPorts[0]) SENTINEL FAILOVER main").hasPrefix("OK") {
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  private var followers: Int {
    ask("-s \(servers[0].socketPath) INFO replication").split(separator: "state=online").count - 1
  }

  private func ask(_ arguments: String) -> String { RedisServer.ask(arguments) }

  private func startSentinels(_ settings: [String]) {
    let pids = sentinelPorts.enumerated().map { index, port in
      let path = "\(folder)/\(index).conf"
      let lines =
        [
          "port \(port)", "bind 127.0.0.1", "dir \(folder)", "logfile \(folder)/\(index).log",
          "sentinel monitor main 127.0.0.1 \(ports[0]) \(sentinelPorts.count / 2 + 1)",
          "sentinel down-after-milliseconds main 500", "sentinel failover-timeout main 3000",
        ] + settings
      guard let file = fopen(path, "w") else { preconditionFailure("cannot write \(path)") }
      fputs(lines.joined(separator: "\n") + "\n", file)
      fclose(file)
      return Spawner.shared.spawn(["/usr/bin/redis-server", path, "--sentinel"])
    }
    sentinels.withLock { $0 = pids }
  }
}

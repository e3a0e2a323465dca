import Glibc
import RedisFixture
import Synchronization

/// A `redis-server`, or a sentinel, on a host of the network. It keeps its data and its settings in a folder, and
/// starts again with them.
final class HostedServer: Sendable {
  /// On which host it runs.
  let host: Int
  let port: Int
  /// Asks it by a socket, also while its host is cut off.
  let local: RedisCLI
  private let command: [String]
  private let folder: String
  private let process = Mutex<pid_t>(0)

  /// Writes its settings; it is to be started.
  /// - Parameters:
  ///   - folder: its own, which is made.
  ///   - settings: lines of its settings; it may change the file later.
  init(
    on host: Int, of network: Network, port: Int, folder: String, settings: [String], options: [String] = []
  ) throws {
    self.host = host
    self.port = port
    local = RedisCLI(socket: "\(folder)/socket")
    self.folder = folder
    mkdir(folder, 0o700)
    let path = "\(folder)/settings.conf"
    let own = [
      "port \(port)", "protected-mode no", "dir \(folder)", "unixsocket \(folder)/socket", "logfile \(folder)/log",
    ]
    try Shell.write((own + settings).joined(separator: "\n") + "\n", to: path)
    command =
      ["/usr/bin/nsenter", "--net=\(network.namespace(of: host))", RedisServer.executable, path] + options
  }

  deinit { kill() }

  /// Settings of a Redis that keeps what it has answered, and takes no writes that no replica gets.
  static let durable = [
    "appendonly yes", "appendfsync always", "save \"\"", "repl-diskless-sync-delay 0", "min-replicas-to-write 1",
    "min-replicas-max-lag 2",
  ]

  /// `host:port` for the other hosts.
  var address: String { "\(Network.address(of: host)):\(port)" }

  /// Asks it over the network.
  var remote: RedisCLI { RedisCLI(host: Network.address(of: host), port: port) }

  /// Starts it.
  func start() {
    process.withLock { $0 = Spawner.shared.spawn(command) }
  }

  /// Removes its data; it must not run.
  func clear() async throws {
    try await Shell.run("rm", ["-rf", "\(folder)/appendonlydir", "\(folder)/dump.rdb", "\(folder)/nodes.conf"])
  }

  /// Ends it as a power cut would, and waits until it is gone.
  func kill() {
    process.withLock { id in
      guard id != 0 else { return }
      Glibc.kill(id, SIGKILL)
      waitpid(id, nil, 0)
      id = 0
    }
  }

  /// Stops it in its tracks.
  func pause() { process.withLock { _ = Glibc.kill($0, SIGSTOP) } }

  /// Resumes it.
  func resume() { process.withLock { _ = Glibc.kill($0, SIGCONT) } }
}

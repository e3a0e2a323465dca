import Glibc
public import Hiredis
import Synchronization

/// A real Redis on a unix socket in a folder of its own.
///
/// It keeps nothing unless told to `SAVE`, tells of keys that expire, and leaves nothing.
public final class RedisServer: Sendable {
  /// Its wall clock.
  public let clock: FakeClock
  private let folder: String
  private let process = Mutex<pid_t>(0)

  /// A server that is running, with more settings such as `--requirepass`.
  public convenience init(_ settings: String...) {
    self.init(isRunning: true, settings)
  }

  /// A server that runs, or that is to be started.
  public init(isRunning: Bool, clock: FakeClock = FakeClock(), _ settings: [String] = []) {
    self.clock = clock
    folder = Self.makeFolder("redis")
    if isRunning { start(settings) }
  }

  deinit {
    kill()
    Self.removeFolder(folder)
  }

  /// Makes a folder under /tmp.
  public static func makeFolder(_ name: String) -> String {
    var template = Array("/tmp/\(name)-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil, "cannot make a folder under /tmp")
    return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Removes a folder with all that it contains.
  public static func removeFolder(_ folder: String) {
    removeFiles(in: folder)
    rmdir(folder)
  }

  private static func removeFiles(in folder: String) {
    guard let directory = opendir(folder) else { return }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      guard name != "." && name != ".." else { continue }
      let path = "\(folder)/\(name)"
      if unlink(path) != 0 {
        removeFiles(in: path)
        rmdir(path)
      }
    }
  }

  /// Where it listens: with more in the URL, `redis+unix://` + login + the socket's path + query.
  public func address(login: String = "", query: String = "") throws -> RedisAddress {
    try RedisAddress("redis+unix://\(login)\(folder)/s\(query)")
  }

  /// The server that is started: `REDIS_SERVER` names another engine than Debian's Redis.
  public static let executable = getenv("REDIS_SERVER").map { String(cString: $0) } ?? debian

  private static let debian = "/usr/bin/redis-server"

  /// A `PATH` on which the first `redis-server` has TLS: that of other engines is built without.
  public static var pathWithTLS: String { "/usr/bin:" + (getenv("PATH").map { String(cString: $0) } ?? "/bin") }

  /// The path of its socket.
  public var socketPath: String { "\(folder)/s" }

  /// Starts it.
  public func start(_ settings: [String] = []) {
    let environment = ["/usr/bin/env"] + clock.environment.map { "\($0)=\($1)" }
    // The wheels of other engines are built without TLS.
    let command = [
      settings.contains("--tls-port") ? Self.debian : Self.executable, "--port", "0", "--unixsocket", "\(folder)/s",
      "--save", "", "--dir", folder,
      "--logfile", "\(folder)/log", "--notify-keyspace-events", "Ex",
    ]
    process.withLock { $0 = Spawner.shared.spawn(environment + command + settings) }
  }

  /// Its process and the end of its log: why it does not answer.
  public var account: String {
    let pid = process.withLock { $0 }
    return Self.output(of: "ps -o pid,stat,args -p \(pid); tail -n 20 \(folder)/log")
  }

  /// What redis-cli prints.
  static func ask(_ arguments: String) -> String { output(of: "exec /usr/bin/redis-cli \(arguments)") }

  private static func output(of command: String) -> String {
    guard let pipe = popen("exec 2>&1; \(command)", "r") else { return "" }
    defer { pclose(pipe) }
    var bytes: [UInt8] = []
    while case let byte = getc(pipe), byte != EOF { bytes.append(UInt8(byte)) }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What it answers to a command, as redis-cli prints it.
  public func ask(_ command: String) -> String {
    let answer = Self.ask("-s \(socketPath) \(command)")
    return answer.hasSuffix("\n") ? String(answer.dropLast()) : answer
  }

  /// Ends it as a power cut would, and waits until it is gone.
  public func kill() {
    process.withLock { pid in
      guard pid != 0 else { return }
      Glibc.kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
      pid = 0
    }
  }

  /// Stops it in its tracks; its socket still takes connections and bytes.
  public func pause() {
    process.withLock { pid in
      Glibc.kill(pid, SIGSTOP)
      waitpid(pid, nil, WUNTRACED)
    }
  }

  /// Lets it go on.
  public func resume() {
    process.withLock { _ = Glibc.kill($0, SIGCONT) }
  }

  /// The server that all tests share which do not ask for one of their own; it lives as long as any of them.
  public static var shared: RedisServer {
    common.withLock { common in
      if let server = common.server { return server }
      let server = RedisServer()
      common.server = server
      return server
    }
  }

  private static let common = Mutex(Common())

  private struct Common {
    weak var server: RedisServer?
  }
}

import Glibc
import Hiredis
import Synchronization

/// A real Redis on a unix socket in a folder of its own.
///
/// It keeps nothing unless told to `SAVE`, and leaves nothing.
final class RedisServer: Sendable {
  private let folder: String
  private let process = Mutex<pid_t>(0)

  /// A server that is running, with more settings such as `--requirepass`.
  convenience init(_ settings: String...) {
    self.init(isRunning: true, settings)
  }

  init(isRunning: Bool, _ settings: [String] = []) {
    var template = Array("/tmp/redis-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil, "cannot make a folder under /tmp")
    folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    if isRunning { start(settings) }
  }

  deinit {
    kill()
    for file in ["s", "log", "dump.rdb"] { unlink("\(folder)/\(file)") }
    rmdir(folder)
  }

  /// Where it listens: with more in the URL, `redis+unix://` + login + the socket's path + query.
  func address(login: String = "", query: String = "") throws -> RedisAddress {
    try RedisAddress("redis+unix://\(login)\(folder)/s\(query)")
  }

  func start(_ settings: [String] = []) {
    let command = [
      "/usr/bin/redis-server", "--port", "0", "--unixsocket", "\(folder)/s", "--save", "", "--dir", folder,
      "--logfile", "\(folder)/log",
    ]
    process.withLock { $0 = Spawner.shared.spawn(command + settings) }
  }

  /// Ends it as a power cut would, and waits until it is gone.
  func kill() {
    process.withLock { pid in
      guard pid != 0 else { return }
      Glibc.kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
      pid = 0
    }
  }

  /// Stops it in its tracks; its socket still takes connections and bytes.
  func pause() {
    process.withLock { pid in
      Glibc.kill(pid, SIGSTOP)
      waitpid(pid, nil, WUNTRACED)
    }
  }

  func resume() {
    process.withLock { _ = Glibc.kill($0, SIGCONT) }
  }
}

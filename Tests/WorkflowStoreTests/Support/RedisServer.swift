import Glibc
import Hiredis
import Synchronization

/// A real Redis on a unix socket in a folder of its own, which keeps nothing and tells of keys that expire.
final class RedisServer: Sendable {
  private let folder: String
  private let pid: pid_t

  init() {
    var template = Array("/tmp/wf-store-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil, "there is no folder to be made under /tmp")
    folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    pid = Spawner.shared.start([
      "/usr/bin/redis-server", "--port", "0", "--unixsocket", "\(folder)/s", "--save", "", "--dir", folder,
      "--logfile", "\(folder)/log", "--notify-keyspace-events", "Ex",
    ])
  }

  deinit {
    kill(pid, SIGKILL)
    waitpid(pid, nil, 0)
    for file in ["s", "log"] { unlink("\(folder)/\(file)") }
    rmdir(folder)
  }

  /// Where it listens.
  var address: RedisAddress {
    get throws { try RedisAddress("redis+unix://\(folder)/s") }
  }

  /// The server that all tests share which do not ask for one of their own; it lives as long as any of them.
  static var shared: RedisServer {
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

import Glibc
import Synchronization

/// A real nginx in front of a server; it ends with this process at the latest.
final class Nginx: Sendable {
  struct NotStarted: Error {}

  private let directory = TestDirectory()
  private let process = Mutex<pid_t?>(nil)

  /// Starts nginx and waits until it listens.
  ///
  /// - Parameters:
  ///   - socket: where the FastCGI server listens
  ///   - keep: whether nginx keeps its connections to the server
  init(server socket: String, keep: Bool = false) async throws {
    let file = try directory.write(Self.configuration(directory.path, socket, keep: keep), to: "nginx.conf")
    try await start(["--pdeathsig", "KILL", "/usr/sbin/nginx", "-p", directory.path, "-e", "error.log", "-c", file])
    try await onThread { [directory] in
      for _ in 0..<2000 {
        if (try? Peer(unix: directory.file("http.sock"))) != nil { return }
        usleep(5000)
      }
      throw NotStarted()
    }
  }

  deinit {
    if let process = process.withLock({ $0 }) { kill(process, SIGKILL) }
  }

  func connect() throws -> Peer { try Peer(unix: directory.file("http.sock")) }

  /// One request of HTTP/1.0; what comes back until the connection closes.
  func exchange(_ method: String, _ target: String, body: [UInt8] = []) async throws -> FastCGIClient.Answer {
    let peer = try connect()
    return try await onThread {
      let head = "\(method) \(target) HTTP/1.0\r\nHost: test\r\nContent-Length: \(body.count)\r\n\r\n"
      try peer.send(Array(head.utf8) + body)
      return FastCGIClient.Answer(peer.readToEnd())
    }
  }

  /// The parent-death signal comes when the thread ends that started the process, so that thread stays with it.
  private func start(_ arguments: [String]) async throws {
    let pid = await withCheckedContinuation { continuation in
      startThread {
        var pid: pid_t = 0
        var pointers = (["setpriv"] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        let code = posix_spawn(&pid, "/usr/bin/setpriv", nil, nil, &pointers, environ)
        continuation.resume(returning: code == 0 ? pid : nil)
        if code == 0 { waitpid(pid, nil, 0) }
      }
    }
    guard let pid else { throw NotStarted() }
    process.withLock { $0 = pid }
  }

  private static func configuration(_ directory: String, _ socket: String, keep: Bool) -> String {
    """
    daemon off; master_process off; pid nginx.pid;
    events { worker_connections 1024; }
    http {
      access_log off;
      client_max_body_size 64m;
      client_body_temp_path body; fastcgi_temp_path fastcgi; proxy_temp_path proxy;
      uwsgi_temp_path uwsgi; scgi_temp_path scgi;
      upstream app { server unix:\(socket); \(keep ? "keepalive 8;" : "") }
      server {
        listen unix:\(directory)/http.sock;
        location / { include /etc/nginx/fastcgi_params; fastcgi_pass app; \(keep ? "fastcgi_keep_conn on;" : "") }
      }
    }
    """
  }
}

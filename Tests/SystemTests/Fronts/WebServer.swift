import Glibc
import Subprocess
import SystemHarness
import SystemPackage

/// A web server other than nginx in front of an API, with the lines that the page WebServers gives for it.
struct WebServer: Sendable {
  /// What the package is called.
  let name: String
  /// The lines of the page WebServers, for an API at `/run/wf/api.sock`.
  let lines: [String]
  /// The configuration around the lines.
  private let configuration: @Sendable (_ lines: String, _ folder: String, _ port: UInt16) -> String
  /// The command that stays in the foreground.
  private let command: @Sendable (_ file: String) -> [String]

  /// The folder with the servers' files, which `make test` fills; what Debian has installed is in `/`.
  static let root = getenv("WEB_SERVERS").map { String(cString: $0) }

  static let all = [apache, lighttpd, caddy, haproxy]

  private static let apache = WebServer(
    name: "Apache",
    lines: [
      #"ProxyPass "/workflow" "unix:/run/wf/api.sock|fcgi://wf/workflow" flushpackets=on"#,
      #"ProxyPass "/status" "unix:/run/wf/api.sock|fcgi://wf/status" flushpackets=on"#,
      #"<Location "/">"#,
      "  CGIPassAuth On",
      "</Location>",
    ],
    configuration: { lines, folder, port in
      let modules = ["mpm_event", "authz_core", "proxy", "proxy_fcgi"].map { name in
        "LoadModule \(name)_module \(file("/usr/lib/apache2/modules/mod_\(name).so"))"
      }
      return """
        \(modules.joined(separator: "\n"))
        ServerRoot \(folder)
        ServerName localhost
        PidFile \(folder)/apache.pid
        DefaultRuntimeDir \(folder)
        ErrorLog /dev/stderr
        LogLevel error
        User daemon
        Group daemon
        Listen 127.0.0.1:\(port)
        \(lines)

        """
    }, command: { file in [WebServer.file("/usr/sbin/apache2"), "-DFOREGROUND", "-f", file] })

  private static let lighttpd = WebServer(
    name: "lighttpd",
    lines: [
      "server.stream-response-body = 1",
      #"fastcgi.server = ("/workflow" => (("socket" => "/run/wf/api.sock", "check-local" => "disable")),"#,
      #"  "/status" => (("socket" => "/run/wf/api.sock", "check-local" => "disable")))"#,
    ],
    configuration: { lines, folder, port in
      """
      server.document-root = "\(folder)"
      server.bind = "127.0.0.1"
      server.port = \(port)
      server.modules = ("mod_fastcgi")
      \(lines)

      """
    },
    command: { file in
      [WebServer.file("/usr/sbin/lighttpd"), "-D", "-m", WebServer.file("/usr/lib/lighttpd"), "-f", file]
    })

  private static let caddy = WebServer(
    name: "Caddy",
    lines: [
      "@wf path /workflow /workflow/* /status /status/*",
      "reverse_proxy @wf unix//run/wf/api.sock {",
      "  transport fastcgi",
      "}",
    ],
    configuration: { lines, folder, port in
      """
      {
        admin off
        auto_https off
        storage file_system \(folder)
      }
      http://127.0.0.1:\(port) {
      \(lines)
      }

      """
    },
    command: { file in
      [WebServer.file("/usr/bin/caddy"), "run", "--adapter", "caddyfile", "--config", file]
    })

  private static let haproxy = WebServer(
    name: "HAProxy",
    lines: [
      "fcgi-app wf",
      "  docroot /",
      "  pass-header Authorization",
      "backend wf",
      "  use-fcgi-app wf",
      "  timeout server 75s",
      "  server api /run/wf/api.sock proto fcgi",
    ],
    configuration: { lines, folder, port in
      """
      defaults
        mode http
        timeout connect 5s
        timeout client 75s
      \(lines)
      frontend site
        bind 127.0.0.1:\(port)
        default_backend wf

      """
    }, command: { file in [WebServer.file("/usr/sbin/haproxy"), "-db", "-f", file] })

  /// A file of a server, unpacked or installed.
  private static func file(_ path: String) -> String {
    let unpacked = (root ?? "") + path
    return access(unpacked, F_OK) == 0 ? unpacked : path
  }

  /// Runs a body while the server answers at its URL.
  func run(socket: String, _ body: @escaping @Sendable (_ url: String) async throws -> Void) async throws {
    let port = freePort()
    let folder = FilePath(socket).removingLastComponent().string
    let text = lines.joined(separator: "\n").split(separator: "/run/wf/api.sock", omittingEmptySubsequences: false)
    let path = "\(folder)/\(name).conf"
    try write(configuration(text.joined(separator: socket), folder, port), to: path)
    let root = WebServer.root ?? ""
    let libraries = ["x86_64", "aarch64"].map { "\(root)/usr/lib/\($0)-linux-gnu" }.joined(separator: ":")
    _ = try await Subprocess.run(
      .name("setpriv"), arguments: Arguments(["--pdeathsig", "KILL", "--"] + command(path)),
      environment: .inherit.updating(["LD_LIBRARY_PATH": libraries, "HOME": folder]), input: .none, output: .discarded,
      error: .currentStandardError
    ) { execution in
      _ = try await wait("\(name) to listen", within: .seconds(20)) { try? RawClient("http://127.0.0.1:\(port)") }
      try await body("http://127.0.0.1:\(port)")
      try execution.send(signal: .terminate)
    }
  }

  private func write(_ text: String, to path: String) throws {
    let file = try FileDescriptor.open(FilePath(path), .writeOnly, options: [.create], permissions: [.ownerReadWrite])
    _ = try file.closeAfter { try file.writeAll(text.utf8) }
  }
}

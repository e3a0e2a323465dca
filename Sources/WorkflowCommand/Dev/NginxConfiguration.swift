import Glibc

/// The nginx configuration of `wf dev`: unprivileged, everything in its folder, and the same locations as in
/// production.
struct NginxConfiguration {
  let folder: DevFolder
  let port: UInt16
  /// The sockets of the API processes.
  let sockets: [String]

  var text: String {
    let own = "\(folder.path)/nginx"
    // As root, nginx would give its workers to a user who may not enter the folder.
    let user = geteuid() == 0 ? "user root;" : ""
    return """
      \(user)
      daemon off;
      worker_processes 2;
      pid \(quoted("\(own)/nginx.pid"));
      error_log stderr notice;
      worker_rlimit_nofile 16384;
      events { worker_connections 8192; }
      http {
        access_log off;
        \(temporaryPaths(in: own))
        client_body_buffer_size 64k;
        upstream wf { \(sockets.map { "server \(quoted("unix:\($0)")) max_fails=0;" }.joined(separator: " ")) keepalive 64; }
        server {
          listen 127.0.0.1:\(port);
          # What $host is where a request of HTTP/1.0 names none.
          server_name localhost;
          set $wf_retry_after "";
          set $wf_allow "";
          add_header Retry-After $wf_retry_after always;
          add_header Allow $wf_allow always;
          \(locations)
          error_page 400 401 403 404 405 408 411 412 413 414 416 421 429 500 501 502 503 504 505 507 /wf-error/$status;
          error_page 494 /wf-error/494;
          location = / { absolute_redirect off; return 303 /status; }
          location / {
            types {}
            default_type application/json;
            return 404 '{"detail":"Not Found; runs are submitted by POST /workflow/run and listed at /status; /workflow/openapi.json describes all requests"}';
          }
        }
      }

      """
  }

  /// Where nginx keeps what does not fit into its memory, for each of its modules that may have something.
  private func temporaryPaths(in own: String) -> String {
    let modules = ["client_body", "fastcgi", "proxy", "uwsgi", "scgi"]
    return modules.map { "\($0)_temp_path \(quoted("\(own)/\($0)"));" }.joined(separator: " ")
  }

  /// The locations of production: here in the text, because `include` takes some characters of a path for a pattern.
  private var locations: String { String(decoding: PackageResources.wf_locations_conf, as: UTF8.self) }

  /// A path as one word of the configuration, whatever characters it has.
  private func quoted(_ path: String) -> String {
    "\"" + path.flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] } + "\""
  }

  /// Writes the configuration.
  func write() throws { try Files.write(text, to: folder.nginxConfiguration) }
}

import Glibc

/// The nginx configuration of `wf dev`: unprivileged, everything in its folder, and the same locations as in production.
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
      pid \(own)/nginx.pid;
      error_log stderr notice;
      worker_rlimit_nofile 16384;
      events { worker_connections 8192; }
      http {
        access_log off;
        client_body_temp_path \(own)/body;
        fastcgi_temp_path \(own)/fastcgi;
        proxy_temp_path \(own)/proxy;
        uwsgi_temp_path \(own)/uwsgi;
        scgi_temp_path \(own)/scgi;
        client_body_buffer_size 64k;
        upstream wf { \(sockets.map { "server unix:\($0) max_fails=0;" }.joined(separator: " ")) keepalive 64; }
        server {
          listen 127.0.0.1:\(port);
          include \(own)/wf-locations.conf;
          error_page 400 /wf-400;
          location = /wf-400 {
            internal;
            default_type application/json;
            return 400 '{"detail":"nginx could not read the request"}';
          }
          location / {
            default_type application/json;
            return 404 '{"detail":"Not Found"}';
          }
        }
      }

      """
  }

  /// Writes the configuration and the locations beside it.
  func write() throws {
    let locations = String(decoding: PackageResources.wf_locations_conf, as: UTF8.self)
    try Files.write(locations, to: "\(folder.path)/nginx/wf-locations.conf")
    try Files.write(text, to: folder.nginxConfiguration)
  }
}

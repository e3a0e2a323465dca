import Subprocess
import SystemHarness
import SystemPackage

/// nginx with the production site, on unix sockets in a temporary folder, and no API behind it.
struct Site: Sendable {
  /// Holds `tls.sock` and `plain.sock` (the site, with and without TLS), `http.sock` (the site's port 80),
  /// `shared.sock` (another site, which includes wf's locations) and `error.log`.
  let folder: String

  /// Runs a body while nginx runs.
  static func with(_ body: @escaping @Sendable (Site) async throws -> Void) async throws {
    var options = PlatformOptions()
    options.processGroupID = 0
    let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
      .removingLastComponent().string
    _ = try await Subprocess.run(
      .name("sh"), arguments: ["-euc", script, "sh", root], platformOptions: options, input: .inputWriter,
      output: .sequence, error: .currentStandardError
    ) { execution in
      var lines = execution.standardOutput.strings().makeAsyncIterator()
      guard let folder = try await lines.next()?.split(whereSeparator: \.isWhitespace).first else {
        throw StackFailure("nginx did not start")
      }
      let site = Site(folder: String(folder))
      // The last that nginx opens.
      _ = try await wait("nginx") { try? RawConnection(.unix(site.socket("shared"))) }
      try await body(site)
      try await execution.standardInputWriter.finish()
    }
  }

  func socket(_ name: String) -> String { "\(folder)/\(name).sock" }

  /// Sends bytes to one of the sockets.
  func ask(_ request: String, on name: String = "plain") throws -> Host.Answer {
    let connection = try RawConnection(.unix(socket(name)))
    connection.send(request)
    return try connection.answer()
  }

  /// The files under test are the repository's: only addresses, paths and the rate are changed. nginx ends when the
  /// script's standard input does.
  private static let script = """
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cd "$folder"
    openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=wf.example.org -keyout key -out certificate 2> /dev/null
    mkdir snippets www
    cp "$1/nginx/wf-locations.conf" snippets
    "$1/nginx/write-site" | sed -e '/listen \\[::\\]:80/d' \
      -e "s|listen 80;|listen unix:$folder/http.sock;|" \
      -e "s|listen 443 ssl|listen unix:$folder/plain.sock; listen unix:$folder/tls.sock ssl|" \
      -e '/listen \\[::\\]:443 ssl/d' -e "s|/etc/ssl/certs/wf.pem|$folder/certificate|" \
      -e "s|/etc/ssl/private/wf.key|$folder/key|" -e "s|/run/wf/api.sock|$folder/api.sock|" \
      -e "s|root /var/www/html|root $folder/www|" -e 's/rate=50r/rate=5000r/' > site
    cat > nginx.conf <<END
    $(if [ "$(id -u)" = 0 ]; then echo 'user root;'; fi)
    daemon off; worker_processes 1; pid nginx.pid; error_log $folder/error.log info;
    events { worker_connections 1024; }
    http {
      access_log off;
      client_body_temp_path body; fastcgi_temp_path f; proxy_temp_path p; uwsgi_temp_path u; scgi_temp_path s;
      include $folder/site;
      # Whatever it is sent, it closes the connection.
      server {
        listen unix:$folder/closing.sock; error_page 400 /close; location = /close { return 444; }
        location / { return 444; }
      }
      upstream other { server unix:$folder/closing.sock max_fails=0; server unix:$folder/closing.sock max_fails=0; }
      add_header X-Site shared always;
      server {
        listen unix:$folder/shared.sock;
        include snippets/wf-locations.conf;
        location / { return 200 site; }
        location /other { fastcgi_pass other; add_header X-Tried \\$upstream_addr always; }
        location /members { deny all; }
      }
    }
    END
    nginx -e stderr -p "$folder" -c nginx.conf &
    echo "$folder"
    cat > /dev/null
    kill $!
    wait $! || :
    """
}

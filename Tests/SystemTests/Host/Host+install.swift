import SystemHarness
import SystemPackage

extension Host {
  /// The public name of the rehearsed site.
  static let site = "https://wf.test"

  /// What the page Operating has the reader type into an editor.
  private static let edits = [
    "/etc/wf/wf.env": "sed -i 's|^#WF_URL=.*|WF_URL=\(site)|' /etc/wf/wf.env",
    "/etc/nginx/sites-available/wf": "sed -i 's/wf\\.example\\.org/wf.test/' /etc/nginx/sites-available/wf",
  ]

  /// What a host has before wf comes: its name, a certificate that it trusts, somebody who answers yes, another
  /// program's data in Redis, and for the tests a model and two more addresses.
  func prepare() async throws {
    try write(Host.model, to: "/root/model.py")
    try await sh(
      """
      echo '127.0.0.1 wf.test' >> /etc/hosts
      ip address add 10.9.8.6/32 dev lo
      ip address add 10.9.8.7/32 dev lo
      echo 'APT::Get::Assume-Yes "true";' > /etc/apt/apt.conf.d/yes
      openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=wf.test -addext subjectAltName=DNS:wf.test \
        -keyout /etc/ssl/private/wf.key -out /etc/ssl/certs/wf.pem
      cp /etc/ssl/certs/wf.pem /usr/local/share/ca-certificates/wf-trial.crt
      update-ca-certificates
      redis-cli SET before-wf kept; redis-cli SAVE
      systemd-run --quiet --unit=model python3 /root/model.py
      """)
  }

  /// Does what the section "Install" of the page Operating says, line by line.
  func install() async throws {
    for line in try Host.commands(of: "Operating", after: "## Install") {
      let command = String(line.prefix { $0 != "#" })
      let words = command.split(separator: " ").map(String.init)
      switch words.first {
      // It has been built where Swift is.
      case "make": continue
      case "editor":
        guard let edit = Host.edits[words[1]] else { throw StackFailure("the rehearsal has no edit of \(words[1])") }
        try await sh(edit)
      default: try await sh(command)
      }
    }
    try await sh("wf example > /root/example.json")
  }

  /// The lines of the first code block of a page behind a line that begins with a text.
  static func commands(of page: String, after beginning: String) throws -> [Substring] {
    let root = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
    let pages = root.removingLastComponent().appending("Sources/WorkflowCommand/WorkflowCommand.docc")
    let path = pages.appending("\(page).md").string
    let lines = String(decoding: try Stack.read(path), as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    let block = lines.drop { !$0.hasPrefix(beginning) }.drop { $0 != "```" }.dropFirst().prefix { $0 != "```" }
    guard !block.isEmpty else { throw StackFailure("the page \(page) has no commands after \(beginning)") }
    return Array(block)
  }

  /// A model that notes the idempotency key and the authorization of each call, and answers as soon as it is not held.
  private static let model = """
    import http.server, json, os, time

    class Model(http.server.BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def do_POST(self):
            self.rfile.read(int(self.headers['Content-Length']))
            with open('/run/model.calls', 'a') as calls:
                print(self.headers['Idempotency-Key'], self.headers['Authorization'], file=calls)
            while os.path.exists('/run/model.hold'):
                time.sleep(0.02)
            message = {'role': 'assistant', 'content': 'in short'}
            answer = json.dumps({'model': 'm', 'choices': [{'message': message, 'finish_reason': 'stop'}]}).encode()
            self.send_response(200)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    http.server.ThreadingHTTPServer(('127.0.0.1', 9000), Model).serve_forever()
    """
}

import Glibc

/// An HTTP server over TLS whose every answer to `GET /answer` is a redirect: `openssl s_server`, with a certificate of
/// its own.
final class TLSServer {
  static var isThere: Bool { system("command -v openssl > /dev/null") == 0 }

  let port: Int
  /// What a client must trust.
  var certificate: String { folder + "/certificate" }
  private let folder: String

  private struct Failed: Error {}

  init(redirectingTo location: String) throws {
    folder = "/tmp/wf-tls-\(getpid())-\(UInt64.random(in: .min ... .max))"
    let command = """
      mkdir \(folder) && cd \(folder) && openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=wf.test \
        -addext subjectAltName=IP:127.0.0.1 -keyout key -out certificate -days 2 2> log || exit 1
      printf 'HTTP/1.1 302 Found\\r\\nLocation: \(location)\\r\\nContent-Length: 0\\r\\n\\r\\n' > answer
      openssl s_server -accept 127.0.0.1:0 -cert certificate -key key -HTTP < /dev/null > out 2>> log & echo $! > pid
      for try in $(seq 1000); do grep -q ACCEPT out && break; sleep 0.02; done
      sed -n 's/^ACCEPT .*://p' out > port; [ -s port ]
      """
    guard system(command) == 0, let file = fopen("\(folder)/port", "r") else { throw Failed() }
    defer { fclose(file) }
    var text = [UInt8](repeating: 0, count: 16)
    let count = fread(&text, 1, text.count, file)
    guard let port = Int(String(decoding: text[..<count].prefix { $0 > 0x20 }, as: UTF8.self)) else { throw Failed() }
    self.port = port
  }

  func stop() { system("kill $(cat \(folder)/pid); rm -rf \(folder)") }
}

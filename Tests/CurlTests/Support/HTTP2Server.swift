import Glibc

/// An HTTP/2 server that answers the first request of each connection and disappoints the later ones
/// (`Tests/HTTP2Server/http2_server.py`).
final class HTTP2Server {
  static var isThere: Bool { system("command -v python3 > /dev/null && command -v openssl > /dev/null") == 0 }

  let url: String
  /// What a client must trust.
  var certificate: String { folder + "/certificate" }
  private let folder: String

  /// - Parameter disappointment: `close`, `goaway` or `refuse`.
  init(disappointment: String) throws {
    folder = "/tmp/wf-http2-\(getpid())-\(Int.random(in: 1...1_000_000))"
    let tests = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let command = """
      mkdir \(folder) && cd \(folder) && openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=wf.test \
        -addext subjectAltName=IP:127.0.0.1 -keyout key -out certificate -days 2 2> log || exit 1
      python3 '\(tests)/HTTP2Server/http2_server.py' certificate key \(disappointment) > requests 2>> log & echo $! > pid
      for try in $(seq 1000); do [ -s requests ] && exit 0; sleep 0.02; done; exit 1
      """
    guard system(command) == 0, let port = try Self.lines(folder).first else { throw Failed() }
    url = "https://127.0.0.1:\(port)/"
  }

  /// How many whole requests have come. One is noted before it is answered or disappointed.
  func requestCount() throws -> Int { try Self.lines(folder).count - 1 }

  func stop() { system("kill $(cat \(folder)/pid); rm -rf \(folder)") }

  private struct Failed: Error {}

  /// The port, and a line for each request.
  private static func lines(_ folder: String) throws -> [Substring] {
    guard let file = fopen("\(folder)/requests", "r") else { throw Failed() }
    defer { fclose(file) }
    var text = [UInt8](repeating: 0, count: 1 << 16)
    let count = fread(&text, 1, text.count, file)
    return String(decoding: text[..<count], as: UTF8.self).split(separator: "\n")
  }
}

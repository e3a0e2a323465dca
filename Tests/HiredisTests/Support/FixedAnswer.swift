import Glibc
import LinuxSupport

/// Listens on a port of this host, and gives every connection the same answer to its first bytes.
final class FixedAnswer: Sendable {
  /// Where it listens.
  let port: Int
  private let listener: Int32

  init(_ answer: [UInt8]) throws {
    port = try freePort()
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = loopback(port: port)
    let status = with(&address) { bind(listener, $0, $1) }
    precondition(status == 0 && listen(listener, 8) == 0, "cannot listen on \(port)")
    try SystemThread.detach(name: "fixed-answer") { [listener] in
      var room = [UInt8](repeating: 0, count: 4_096)
      while case let client = accept(listener, nil, nil), client >= 0 {
        if read(client, &room, room.count) > 0 { send(client, answer, answer.count, Int32(MSG_NOSIGNAL)) }
        Glibc.close(client)
      }
      Glibc.close(listener)
    }
  }

  deinit { shutdown(listener, Int32(SHUT_RDWR)) }
}

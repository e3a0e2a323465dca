import Glibc
import LinuxSupport
import Synchronization

@testable import Hiredis

/// A server on a unix socket that answers the handshake, takes one large command slowly and answers it slowly.
final class SlowPeer: Sendable {
  /// Where it listens.
  let path = "/tmp/redis-slow-\(UInt64.random(in: .min ... .max))"
  private let listener: Int32
  private let counts = Mutex((connections: 0, bytes: 0))

  /// How many connections it has taken, and how many bytes after their greetings.
  var seen: (connections: Int, bytes: Int) { counts.withLock { $0 } }

  /// - Parameters:
  ///   - commandBytes: how many bytes the command has, after which it is answered.
  ///   - answer: the answer as it goes over the wire.
  ///   - slice: how many bytes it takes or sends in a tenth of a second.
  init(commandBytes: Int, answer: [UInt8], slice: Int) throws {
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let name = path.utf8CString
    withUnsafeMutableBytes(of: &address.sun_path) { room in name.withUnsafeBytes { room.copyMemory(from: $0) } }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    let status = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, size) }
    }
    precondition(status == 0 && listen(listener, 8) == 0, "cannot listen on \(path)")
    try SystemThread.detach(name: "slow-peer") { [self] in
      while case let peer = accept(listener, nil, nil), peer >= 0 {
        _ = fcntl(peer, F_SETFD, FD_CLOEXEC)
        counts.withLock { $0.connections += 1 }
        serve(peer, commandBytes, answer, slice)
        Glibc.close(peer)
      }
      // Here and not in `close()`: this thread would accept from whatever socket gets the number next.
      Glibc.close(listener)
    }
  }

  /// Ends it.
  func close() {
    shutdown(listener, Int32(SHUT_RDWR))
    unlink(path)
  }

  private func serve(_ peer: Int32, _ commandBytes: Int, _ answer: [UInt8], _ slice: Int) {
    var room = [UInt8](repeating: 0, count: slice)
    var handshake: [UInt8] = []
    while !String(decoding: handshake, as: UTF8.self).hasSuffix("PING\r\n") {
      let count = read(peer, &room, room.count)
      if count <= 0 { return }
      handshake += room[..<count]
    }
    let welcome = Array("+OK\r\n-ERR unknown command 'HELLO'\r\n+PONG\r\n".utf8)
    _ = write(peer, welcome, welcome.count)
    var left = commandBytes
    while left > 0 {
      let count = read(peer, &room, min(left, slice))
      if count <= 0 { return }
      counts.withLock { $0.bytes += count }
      left -= count
      usleep(100_000)
    }
    for start in stride(from: 0, to: answer.count, by: slice) {
      let piece = Array(answer[start..<min(start + slice, answer.count)])
      if send(peer, piece, piece.count, Int32(MSG_NOSIGNAL)) < 0 { return }
      usleep(100_000)
    }
    // Stays until the other side has read it all.
    while read(peer, &room, room.count) > 0 {}
  }
}

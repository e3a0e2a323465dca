import Glibc
import LinuxSupport

/// Forwards connections to a port of this host, a few bytes at a time.
final class SlowProxy: Sendable {
  /// Where it listens.
  let port: Int
  private let listener: Int32
  private let target: Int
  private let slice: Int
  private let pause: UInt32

  /// - Parameters:
  ///   - slice: how many bytes it passes on at once.
  ///   - pause: microseconds between two slices.
  init(to target: Int, slice: Int, pause: UInt32 = 0) throws {
    self.target = target
    self.slice = slice
    self.pause = pause
    port = try freePort()
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    // Small buffers: what it has not passed on is to wait on the other side.
    Self.set(listener, SOL_SOCKET, SO_RCVBUF, 32 << 10)
    var address = loopback(port: port)
    let status = with(&address) { bind(listener, $0, $1) }
    precondition(status == 0 && listen(listener, 8) == 0, "cannot listen on \(port)")
    try SystemThread.detach(name: "slow-proxy") { [self] in
      while case let client = accept(listener, nil, nil), client >= 0 { serve(client) }
      Glibc.close(listener)
    }
  }

  /// Takes no more connections.
  func close() {
    shutdown(listener, Int32(SHUT_RDWR))
  }

  private func serve(_ client: Int32) {
    let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = loopback(port: target)
    guard with(&address, { connect(server, $0, $1) }) == 0 else {
      Glibc.close(server)
      Glibc.close(client)
      return
    }
    for descriptor in [client, server] {
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      Self.set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }
    let ends = Ends(client: client, server: server)
    for (from, to) in [(client, server), (server, client)] {
      try? SystemThread.detach(name: "slow-proxy") { [slice, pause] in
        var room = [UInt8](repeating: 0, count: slice)
        while case let count = read(from, &room, slice), count > 0 {
          if send(to, room, count, Int32(MSG_NOSIGNAL)) != count { break }
          if pause > 0 { usleep(pause) }
        }
        ends.shutDown()
      }
    }
  }

  /// The sockets of one connection: closed when neither direction uses them any more.
  private final class Ends: Sendable {
    private let client: Int32
    private let server: Int32

    init(client: Int32, server: Int32) {
      self.client = client
      self.server = server
    }

    deinit {
      Glibc.close(client)
      Glibc.close(server)
    }

    func shutDown() {
      shutdown(client, Int32(SHUT_RDWR))
      shutdown(server, Int32(SHUT_RDWR))
    }
  }

  private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }
}

import Dispatch
import Glibc
import Hiredis
import Synchronization

/// A slow path to a server on a unix socket: all connections share its bytes per second towards the server.
final class ThrottledPath: Sendable {
  private struct State {
    var sent = 0
    var next = ContinuousClock.now
    var descriptors: [Int32] = []
  }

  /// Bytes that go at a time, so that connections take turns.
  private static let slice = 16 << 10

  private let folder: String
  private let server: String
  private let bytesPerSecond: Int
  private let listener: Int32
  private let state = Mutex(State())

  /// - Parameter server: the path of the server's socket.
  init(to server: String, bytesPerSecond: Int) {
    self.server = server
    self.bytesPerSecond = bytesPerSecond
    var template = Array("/tmp/path-XXXXXX".utf8CString)
    precondition(mkdtemp(&template) != nil, "cannot make a folder under /tmp")
    folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let code = ThrottledPath.withAddress("\(folder)/s") { bind(listener, $0, $1) }
    precondition(code == 0 && listen(listener, 64) == 0, "cannot listen on a unix socket")
    Thread.run { [self] in acceptAll() }
  }

  /// Where clients connect.
  var address: RedisAddress { get throws { try RedisAddress("redis+unix://\(folder)/s") } }

  /// How many bytes have gone to the server.
  var bytesSent: Int { state.withLock { $0.sent } }

  /// Ends every connection and takes no more.
  func close() {
    shutdown(listener, Int32(SHUT_RDWR))
    for descriptor in state.withLock({ $0.descriptors }) { shutdown(descriptor, Int32(SHUT_RDWR)) }
    unlink("\(folder)/s")
    rmdir(folder)
  }

  private func acceptAll() {
    while case let client = accept(listener, nil, nil), client >= 0 {
      _ = fcntl(client, F_SETFD, FD_CLOEXEC)
      let peer = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
      guard ThrottledPath.withAddress(server, { connect(peer, $0, $1) }) == 0 else {
        Glibc.close(peer)
        Glibc.close(client)
        continue
      }
      // Little may wait in the kernel: what has left a client is on its way.
      var size = Int32(ThrottledPath.slice)
      for descriptor in [client, peer] {
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout.size(ofValue: size)))
      }
      state.withLock { $0.descriptors += [client, peer] }
      Thread.run { [self] in pump(from: client, to: peer, isSlow: true) }
      Thread.run { [self] in pump(from: peer, to: client, isSlow: false) }
    }
  }

  private func pump(from source: Int32, to target: Int32, isSlow: Bool) {
    var buffer = [UInt8](repeating: 0, count: ThrottledPath.slice)
    while case let count = recv(source, &buffer, buffer.count, 0), count > 0 {
      if isSlow { pass(count) }
      var written = 0
      while written < count {
        let sent = buffer.withUnsafeBytes { bytes in
          send(target, bytes.baseAddress?.advanced(by: written), count - written, Int32(MSG_NOSIGNAL))
        }
        if sent <= 0 { break }
        written += sent
      }
    }
    shutdown(source, Int32(SHUT_RDWR))
    shutdown(target, Int32(SHUT_RDWR))
  }

  /// Waits until the path has carried so many bytes.
  private func pass(_ count: Int) {
    let end = state.withLock { state in
      state.next = max(state.next, .now) + .microseconds(count * 1_000_000 / bytesPerSecond)
      state.sent += count
      return state.next
    }
    let wait = end - .now
    if wait > .zero { usleep(UInt32(wait / .microseconds(1))) }
  }

  private static func withAddress(
    _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
  }
}

/// A thread for blocking calls.
private enum Thread {
  static func run(_ body: @escaping @Sendable () -> Void) {
    // A queue of its own has a thread of its own.
    DispatchQueue(label: "path").async(execute: body)
  }
}

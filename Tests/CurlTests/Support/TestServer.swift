import Glibc
import LinuxSupport
import Synchronization

@testable import Curl

/// An HTTP server on 127.0.0.1 that answers, or misbehaves, exactly as its test says: plain sockets, and a thread
/// for each connection.
final class TestServer: Sendable {
  let port: UInt16
  private let listener: Int32
  private let open = Mutex<Set<Int32>>([])
  private let accepted = Mutex(0)

  /// Serves every connection with `serve` and closes it when that returns.
  init(_ serve: @escaping @Sendable (TestConnection) -> Void) {
    listener = Self.listen()
    port = Self.port(of: listener)
    startThread { [self] in
      while case let socket = accept(listener, nil, nil), socket >= 0 {
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        accepted.withLock { $0 += 1 }
        open.withLock { _ = $0.insert(socket) }
        startThread { [self] in
          serve(TestConnection(socket))
          close(socket)
        }
      }
      Glibc.close(listener)
    }
  }

  /// Answers every request of every connection with what `answer` returns, and keeps the connections.
  static func answering(_ answer: @escaping @Sendable (TestRequest) -> String) -> TestServer {
    TestServer { connection in
      while let request = connection.readRequest() { connection.write(answer(request)) }
    }
  }

  var url: String { "http://127.0.0.1:\(port)/" }

  /// How many connections there have been.
  var connectionCount: Int { accepted.withLock { $0 } }

  /// Closes everything. A test defers it, which also keeps the server alive so long.
  func stop() {
    shutdown(listener, Int32(SHUT_RDWR))
    open.withLock { sockets in
      for socket in sockets { shutdown(socket, Int32(SHUT_RDWR)) }
    }
  }

  private func close(_ socket: Int32) {
    open.withLock { sockets in
      sockets.remove(socket)
      Glibc.close(socket)
    }
  }

  /// A port where nobody listens: bound, so that nobody else gets it, and left so for the rest of the process.
  static func refusingPort() -> UInt16 { port(of: bound()) }

  /// A port where nobody listens, for a server that cannot choose one itself.
  static func freePort() -> UInt16 {
    let socket = bound()
    defer { Glibc.close(socket) }
    return port(of: socket)
  }

  private static func listen() -> Int32 {
    let listener = bound()
    precondition(Glibc.listen(listener, 1024) == 0, "no test server")
    return listener
  }

  private static func bound() -> Int32 {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    withAddress { address, length in precondition(bind(listener, address, length) == 0, "no port") }
    return listener
  }

  private static func port(of listener: Int32) -> UInt16 {
    withAddress { address, length in
      var length = length
      getsockname(listener, address, &length)
      return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
    }
  }

  /// With 127.0.0.1 and port 0.
  private static func withAddress<Value>(_ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Value) -> Value {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    return withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }
}

/// Starts a thread that nothing joins.
private func startThread(_ run: @escaping @Sendable () -> Void) {
  do { try SystemThread.detach(name: "test-server", run) } catch { fatalError("\(error)") }
}

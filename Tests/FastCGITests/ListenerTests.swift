import FastCGI
import Glibc
import Logging
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ListenerTests {
  private let directory = TestDirectory()
  private var path: String { directory.file("app.sock") }

  private func server(_ listener: FastCGIListener) throws -> FastCGIServer {
    try FastCGIServer(listener: listener, logger: .quiet, handler: echo)
  }

  private func mode(_ path: String) -> mode_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode : nil
  }

  @Test(
    arguments: [
      ("-", .standardInput), ("/run/a.sock", .unix(path: "/run/a.sock")), ("unix:/a", .unix(path: "/a")),
      ("./a:1", .unix(path: "./a:1")), ("127.0.0.1:9000", .tcp(host: "127.0.0.1", port: 9000)),
      (":9000", .tcp(host: "127.0.0.1", port: 9000)), ("[::1]:9000", .tcp(host: "::1", port: 9000)),
    ] as [(String, FastCGIListener)])
  func `A listener is read from its text`(text: String, listener: FastCGIListener) throws {
    #expect(try FastCGIListener.parse(text) == listener)
    #expect(try FastCGIListener.parse(listener.description) == listener)
  }

  @Test(arguments: ["", "app", "host:", "host:70000", "a:b:1", "[]:1", "::1:80"])
  func `A listener is not read from anything else`(text: String) {
    #expect(throws: FastCGIError.malformedListener(text)) { try FastCGIListener.parse(text) }
  }

  @Test func `A listener has the permissions it was given, and is gone after the stop`() async throws {
    let server = try server(.unix(path: path, mode: 0o600))
    #expect(mode(path) == S_IFSOCK | 0o600)
    await server.stop()
    #expect(mode(path) == nil)
  }

  @Test func `A listener replaces a socket that a dead process left behind`() async throws {
    let abandoned = socket(AF_UNIX, 1, 0)
    try bindUnix(abandoned, path)
    close(abandoned)
    let server = try server(.unix(path: path))
    try server.start()
    #expect(try await FastCGIClient(path).exchange(Record.request(body: [1])).body == [1])
    await server.stop()
  }

  @Test func `A listener refuses a socket in use, a file that is no socket, and too long a path`() async throws {
    let first = try server(.unix(path: path))
    #expect(throws: FastCGIError.addressInUse(path)) { try server(.unix(path: path)) }
    await first.stop()
    let file = try directory.write("precious", to: "file")
    #expect(throws: FastCGIError.notASocket(path: file)) { try server(.unix(path: file)) }
    #expect(mode(file) != nil)
    let long = directory.file(String(repeating: "x", count: 108))
    #expect(throws: FastCGIError.pathTooLong(long)) { try server(.unix(path: long)) }
  }

  @Test func `A listener leaves its successor's socket alone when it stops`() async throws {
    let first = try server(.unix(path: path))
    rename(path, directory.file("moved"))
    let second = try server(.unix(path: path))
    await first.stop()
    #expect(mode(path) != nil)
    await second.stop()
    #expect(mode(path) == nil)
  }

  @Test func `A listener may be a TCP port, which is refused while it is in use`() async throws {
    let server = try server(.tcp(host: "127.0.0.1", port: 0))
    try server.start()
    let port = try #require(server.port)
    let large = pattern(1 << 20)
    #expect(try await FastCGIClient(port: port).exchange(Record.request(body: large)).body == large)
    #expect(throws: FastCGIError.addressInUse("127.0.0.1:\(port)")) {
      try self.server(.tcp(host: "127.0.0.1", port: port))
    }
    await server.stop()
    #expect(throws: Peer.Failure.self) { try Peer(port: port) }
  }

  @Test func `A listener may be standard input, which stays open; only a listening socket is accepted`() async throws {
    let (before, shared) = (dup(0), socket(AF_UNIX, 1, 0))
    #expect(throws: FastCGIError.standardInputDoesNotListen) { try server(.standardInput) }
    try bindUnix(shared, path)
    listen(shared, 8)
    dup2(shared, 0)
    defer {
      dup2(before, 0)
      for descriptor in [before, shared] { close(descriptor) }
    }
    for _ in 0..<2 {
      let server = try server(.standardInput)
      try server.start()
      #expect(try await FastCGIClient(path).exchange(Record.request(body: [1])).body == [1])
      await server.stop()
    }
    let waiting = try FastCGIClient(path)
    #expect(throws: Never.self) { try waiting.peer.send(Record.request()) }
  }

  @Test func `A listener leaves the dispositions of signals as they were, but for SIGPIPE`() async throws {
    await (try server(.unix(path: path))).stop()
    for signal in [SIGTERM, SIGUSR1] {
      var action = sigaction()
      sigaction(signal, nil, &action)
      #expect(action.__sigaction_handler.sa_handler == nil)
    }
    var action = sigaction()
    sigaction(SIGPIPE, nil, &action)
    #expect(unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1)
  }

  private func bindUnix(_ descriptor: Int32, _ path: String) throws {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let result = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(result == 0)
  }
}

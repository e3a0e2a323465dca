import Glibc
import LinuxSupport
import Synchronization
import Testing

/// Threads, wakers and addresses, as the kernel sees them.
@Suite(.timeLimit(.minutes(5))) struct SystemPieceTests {
  /// What `/proc` tells of the calling thread.
  private static func status(_ field: String) -> String {
    guard let file = fopen("/proc/thread-self/status", "r") else { return "" }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if text.hasPrefix(field + ":") { return String(text.dropFirst(field.count + 1).filter { !$0.isWhitespace }) }
    }
    return ""
  }

  @Test func `A thread has its name, and blocks every signal but those of a fault`() throws {
    let seen = Mutex((name: "", blocked: UInt64(0)))
    let thread = try SystemThread(name: "a-name-longer-than-15-bytes") {
      seen.withLock { $0 = (Self.status("Name"), UInt64(Self.status("SigBlk"), radix: 16) ?? 0) }
    }
    thread.join()
    let (name, blocked) = seen.withLock { $0 }
    #expect(name == "a-name-longer-t")
    for signal in [SIGTERM, SIGINT, SIGPIPE, SIGCHLD, SIGHUP] { #expect(blocked >> (signal - 1) & 1 == 1) }
    for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT] { #expect(blocked >> (fault - 1) & 1 == 0) }
  }

  @Test func `The thread that starts another keeps its own signals`() throws {
    let before = Self.status("SigBlk")
    try SystemThread(name: "other") {}.join()
    #expect(Self.status("SigBlk") == before)
  }

  @Test func `A waker is readable from the first wake until it is drained`() throws {
    let waker = try Waker()
    #expect(!waker.wait(milliseconds: 0))
    waker.wake()
    waker.wake()
    #expect(waker.wait(milliseconds: -1))
    waker.drain()
    #expect(!waker.wait(milliseconds: 0))
    waker.drain()
    #expect(fcntl(waker.descriptor, F_GETFD) & FD_CLOEXEC != 0)
  }

  @Test func `An alarm goes off once each time that it is set and was drained before`() throws {
    let alarm = try Alarm(after: .milliseconds(2))
    var entry = pollfd(fd: alarm.descriptor, events: Int16(POLLIN), revents: 0)
    #expect(poll(&entry, 1, 0) == 0)
    for _ in 0..<3 {
      alarm.set()
      #expect(poll(&entry, 1, -1) == 1)
      // Without effect until it is drained.
      alarm.set()
      alarm.drain()
      alarm.drain()
      #expect(poll(&entry, 1, 0) == 0)
    }
    #expect(fcntl(alarm.descriptor, F_GETFD) & FD_CLOEXEC != 0)
  }

  @Test func `A unix socket is reached by a path of 107 bytes and by an abstract name`() throws {
    let start = "/tmp/wf-\(UInt64.random(in: .min ... .max))-"
    let path = start + String(repeating: "x", count: 107 - start.utf8.count)
    for address in [UnixSocketAddress(path: path), UnixSocketAddress(abstractName: path)] {
      let address = try #require(address)
      let listener = try UnixSocketAddress.makeSocket(SOCK_STREAM)
      let client = try UnixSocketAddress.makeSocket(SOCK_STREAM, nonblocking: true)
      defer { for descriptor in [listener, client] { close(descriptor) } }
      #expect(address.withSocketAddress { bind(listener, $0, $1) } == 0)
      #expect(listen(listener, 1) == 0)
      #expect(address.withSocketAddress { connect(client, $0, $1) } == 0)
    }
    #expect(unlink(path) == 0)
  }

  @Test func `A path or name that does not fit is no address`() {
    #expect(UnixSocketAddress(path: "") == nil)
    #expect(UnixSocketAddress(path: String(repeating: "x", count: 108)) == nil)
    #expect(UnixSocketAddress(abstractName: "") == nil)
    #expect(UnixSocketAddress(abstractName: String(repeating: "x", count: 108)) == nil)
  }

  @Test func `A failed call is told with its name and the system's words`() {
    #expect(SystemCallError("eventfd", code: EMFILE).description == "eventfd: Too many open files")
  }
}

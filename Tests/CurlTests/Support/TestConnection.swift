import Glibc

/// A request as it came over the wire.
struct TestRequest: Sendable {
  /// The request line and the headers.
  var head: String
  var body: [UInt8]

  var path: Substring { head.split(separator: " ")[1] }

  /// The value of a header; nil when it is not there.
  func header(_ name: String) -> String? {
    let prefix = "\(name.lowercased()):"
    return head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(prefix) }
      .map { String($0.dropFirst(prefix.utf8.count).drop { $0 == " " }) }
  }
}

/// The server's end of a connection, used by its one thread.
final class TestConnection {
  private let socket: Int32
  private var received: [UInt8] = []

  init(_ socket: Int32) { self.socket = socket }

  /// The next request with its body; nil when the client closes.
  func readRequest() -> TestRequest? {
    while true {
      if let end = received.firstRange(of: Array("\r\n\r\n".utf8)) {
        let head = String(decoding: received[..<end.lowerBound], as: UTF8.self)
        received.removeSubrange(..<end.upperBound)
        var request = TestRequest(head: head, body: [])
        guard let body = readBody(Int(request.header("Content-Length") ?? "0") ?? 0) else { return nil }
        request.body = body
        return request
      }
      guard receive() else { return nil }
    }
  }

  /// False when the client has closed.
  @discardableResult
  func write(_ text: String) -> Bool { write(Array(text.utf8)) }

  /// False when the client has closed.
  @discardableResult
  func write(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// True when the client takes nothing for so long.
  func isStalled(milliseconds: Int32) -> Bool {
    var writable = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
    return poll(&writable, 1, milliseconds) == 0
  }

  /// Reads nothing until the server stops.
  func awaitStop() {
    var end = pollfd(fd: socket, events: 0, revents: 0)
    _ = poll(&end, 1, 60_000)
  }

  /// Reads until the client closes.
  func awaitClose() { while receive() {} }

  private func readBody(_ count: Int) -> [UInt8]? {
    while received.count < count { guard receive() else { return nil } }
    defer { received.removeFirst(count) }
    return Array(received.prefix(count))
  }

  private func receive() -> Bool {
    var buffer = [UInt8](repeating: 0, count: 16384)
    let count = recv(socket, &buffer, buffer.count, 0)
    guard count > 0 else { return false }
    received += buffer[..<count]
    return true
  }
}

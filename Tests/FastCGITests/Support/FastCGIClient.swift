/// A web server's side of a FastCGI connection.
final class FastCGIClient: Sendable {
  /// What came back for one request.
  struct Answer: Sendable {
    var head: [String]
    var body: [UInt8]

    /// The status line, which a responder sends after `Location`.
    var status: String { head.first { !$0.hasPrefix("Location: ") } ?? "" }
    var text: String { String(decoding: body, as: UTF8.self) }

    func header(_ name: String) -> String? {
      head.first { $0.lowercased().hasPrefix(name.lowercased() + ": ") }.map { String($0.dropFirst(name.count + 2)) }
    }

    /// Splits what a responder writes into head and body.
    init(_ bytes: [UInt8]) {
      let end = bytes.indices.first { bytes[$0...].starts(with: [13, 10, 13, 10]) } ?? bytes.count
      head = String(decoding: bytes[..<end], as: UTF8.self).components(separator: "\r\n")
      body = Array(bytes[end...].dropFirst(4))
    }
  }

  struct BrokenOff: Error {}

  let peer: Peer

  init(_ path: String) throws { peer = try Peer(unix: path) }

  init(port: UInt16) throws { peer = try Peer(port: port) }

  /// Sends a request and reads its answer.
  func exchange(_ request: [UInt8]) async throws -> Answer {
    let peer = peer
    return try await onThread {
      try peer.send(request)
      return try Self.readAnswer(from: peer)
    }
  }

  func send(_ bytes: [UInt8]) async throws {
    let peer = peer
    try await onThread { try peer.send(bytes) }
  }

  /// The answer of a request already sent.
  func answer() async throws -> Answer {
    let peer = peer
    return try await onThread { try Self.readAnswer(from: peer) }
  }

  /// The content of the next record of the answer; nil at the end of the request.
  func nextPiece() async throws -> String? {
    let peer = peer
    return try await onThread {
      try Self.readContent(from: peer).map { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// Whatever comes until the server closes the connection.
  func readToEnd() async throws -> [UInt8] {
    let peer = peer
    return try await onThread { peer.readToEnd() }
  }

  private static func readAnswer(from peer: Peer) throws -> Answer {
    var bytes: [UInt8] = []
    while let content = try readContent(from: peer) { bytes += content }
    return Answer(bytes)
  }

  private static func readContent(from peer: Peer) throws -> [UInt8]? {
    while true {
      let header = try read(8, from: peer)
      let content = try read(Int(header[4]) << 8 | Int(header[5]), from: peer)
      _ = try read(Int(header[6]), from: peer)
      switch header[1] {
      case Record.end: return nil
      case Record.stdout where !content.isEmpty: return content
      default: continue
      }
    }
  }

  private static func read(_ count: Int, from peer: Peer) throws -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      let more = try peer.receive(atMost: count - bytes.count)
      guard !more.isEmpty else { throw BrokenOff() }
      bytes += more
    }
    return bytes
  }
}

extension String {
  func components(separator: String) -> [String] {
    var parts: [String] = []
    var rest = Array(utf8)[...]
    let separator = Array(separator.utf8)
    while let at = rest.indices.first(where: { rest[$0...].starts(with: separator) }) {
      parts.append(String(decoding: rest[..<at], as: UTF8.self))
      rest = rest[(at + separator.count)...]
    }
    return parts + [String(decoding: rest, as: UTF8.self)]
  }
}

import FastCGI
import Testing

@Suite(.timeLimit(.minutes(5)))
struct NginxTests {
  @Test(arguments: [false, true])
  func `Behind nginx bodies go through unchanged, kept connections or not`(keep: Bool) async throws {
    var configuration = FastCGIServerConfiguration.patient
    configuration.keepConnections = keep
    try await withServer(configuration) { server in
      let nginx = try await Nginx(server: server.socket, keep: keep)
      for count in [0, 1, 8192, 65536, 1 << 20] {
        let answer = try await nginx.exchange("POST", "/echo", body: pattern(count))
        #expect(answer.status == "HTTP/1.1 200 OK")
        #expect(answer.body == pattern(count))
      }
      let over = try await nginx.exchange("POST", "/echo", body: pattern((1 << 20) + 1))
      #expect(over.status == "HTTP/1.1 413 Content Too Large")
    }
  }

  @Test func `Behind nginx the target arrives as the client sent it`() async throws {
    let handler: TestServer.Handler = { request in
      FastCGIResponse(status: 404, body: .bytes(Array("\(request.path) \(request.query)".utf8)))
    }
    try await withServer(handler: handler) { server in
      let nginx = try await Nginx(server: server.socket)
      let answer = try await nginx.exchange("GET", "/a%2Fb/../c?d=%20")
      #expect(answer.status == "HTTP/1.1 404 Not Found")
      #expect(answer.text == "/a%2Fb/../c d=%20")
    }
  }

  @Test func `Behind nginx a stream arrives piece by piece, and a browser that leaves is noticed`() async throws {
    let (go, left) = (Gate(), Gate())
    let handler: TestServer.Handler = { _ in
      FastCGIResponse(
        headers: [("Content-Type", "text/event-stream"), ("X-Accel-Buffering", "no")],
        body: .stream { stream in
          try? await stream.write(Array("data: 1\n\n".utf8))
          await go.wait()
          try? await stream.write(Array("data: 2\n\n".utf8))
          try? await Task.sleep(for: .seconds(3600))
          left.open()
        })
    }
    try await withServer(handler: handler) { server in
      let nginx = try await Nginx(server: server.socket)
      let browser = try nginx.connect()
      try browser.send(Array("GET / HTTP/1.1\r\nHost: test\r\n\r\n".utf8))
      try await onThread { try Self.read(from: browser, until: "data: 1\n\n") }
      go.open()
      try await onThread { try Self.read(from: browser, until: "data: 2\n\n") }
      browser.hangUp()
      await left.wait()
    }
  }

  private static func read(from peer: Peer, until text: String) throws {
    var received = ""
    while !received.contains(text) { received += String(decoding: try peer.receive(), as: UTF8.self) }
  }
}

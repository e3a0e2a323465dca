import Curl
import Glibc
import Testing

/// Each in a process of its own: the environment belongs to all tests.
@Suite(.timeLimit(.minutes(5)))
struct ProxyTests {
  @Test func `a proxy in the environment is ignored`() async {
    await #expect(processExitsWith: .success) {
      setenv("http_proxy", "http://127.0.0.1:\(TestServer.refusingPort())", 1)
      let server = TestServer.answering { _ in reply("direct") }
      defer { server.stop() }
      let response = try await HTTPClient().send(HTTPRequest(url: server.url))
      #expect(text(response) == "direct")
    }
  }

  @Test func `a proxy in the environment is obeyed when the configuration says so`() async {
    await #expect(processExitsWith: .success) {
      let proxy = TestServer.answering { request in reply("proxy for \(request.path)") }
      defer { proxy.stop() }
      setenv("http_proxy", proxy.url, 1)
      let client = HTTPClient(HTTPClientConfiguration(proxy: .environment))
      let response = try await client.send(HTTPRequest(url: "http://upstream.test/a"))
      #expect(text(response) == "proxy for http://upstream.test/a")
    }
  }

  @Test func `a proxy that refuses the way is not worth another try`() async {
    await #expect(processExitsWith: .success) {
      let proxy = TestServer { connection in
        _ = connection.readRequest()
        connection.write("HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")
      }
      defer { proxy.stop() }
      setenv("https_proxy", proxy.url, 1)
      let client = HTTPClient(HTTPClientConfiguration(proxy: .environment))
      await #expect(throws: HTTPError.proxyRefused(status: 407)) {
        try await client.send(HTTPRequest(url: "https://upstream.test/"))
      }
    }
  }
}

import Curl
import Synchronization
import Testing

/// Requests whose kept connection breaks before the answer begins: sent again only where that does no harm.
@Suite(.timeLimit(.minutes(5)))
struct RepeatTests {
  /// Answers the first request of a connection, and reads the second one only.
  private static func server(counting requests: Counter) -> TestServer {
    TestServer { connection in
      guard connection.readRequest() != nil else { return }
      requests.add()
      connection.write(reply("first"))
      if connection.readRequest() != nil { requests.add() }
    }
  }

  private final class Counter: Sendable {
    private let count = Atomic(0)
    var value: Int { count.load(ordering: .sequentiallyConsistent) }
    func add() { count.add(1, ordering: .sequentiallyConsistent) }
  }

  @Test(arguments: ["POST", "PATCH"], [1, 70_000, 2 << 20])
  func `a request that may not be carried out twice is sent once`(method: String, length: Int) async throws {
    let requests = Counter()
    let server = Self.server(counting: requests)
    defer { server.stop() }
    let client = HTTPClient()
    let request = HTTPRequest(method: method, url: server.url, body: [UInt8](repeating: 1, count: length))
    for number in 1...3 {
      #expect(try await client.send(request).status == 200)
      let error = await #expect(throws: HTTPError.self) { try await client.send(request) }
      guard case .interrupted = error else { return #expect(error == .interrupted("broken")) }
      #expect(requests.value == 2 * number)
    }
  }

  @Test func `an empty one has a connection to itself`() async throws {
    let requests = Counter()
    let server = Self.server(counting: requests)
    defer { server.stop() }
    let client = HTTPClient()
    for _ in 1...4 { #expect(try await client.send(HTTPRequest(method: "POST", url: server.url)).status == 200) }
    #expect(requests.value == 4)
    #expect(server.connectionCount == 4)
  }

  @Test(arguments: [("GET", nil), ("GET", [1]), ("PUT", [1]), ("DELETE", nil)] as [(String, [UInt8]?)])
  func `one that may be is sent again`(method: String, body: [UInt8]?) async throws {
    let requests = Counter()
    let server = Self.server(counting: requests)
    defer { server.stop() }
    let client = HTTPClient()
    for _ in 1...2 {
      #expect(try await client.send(HTTPRequest(method: method, url: server.url, body: body)).status == 200)
    }
    #expect(requests.value == 3)
  }

  @Test(.enabled(if: HTTP2Server.isThere, "needs python3 and openssl"), arguments: ["close", "goaway", "refuse"])
  func `over HTTP2 too`(disappointment: String) async throws {
    let server = try HTTP2Server(disappointment: disappointment)
    defer { server.stop() }
    let client = HTTPClient(.init(authoritiesFile: server.certificate))
    let request = HTTPRequest(method: "POST", url: server.url, body: [1])
    for _ in 1...3 {
      #expect(try await client.send(request).status == 200)
      let error = await #expect(throws: HTTPError.self) { try await client.send(request) }
      guard case .interrupted = error else { return #expect(error == .interrupted("broken")) }
    }
    #expect(try server.requestCount() == 6)
  }
}

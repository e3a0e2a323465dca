import Curl
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5)))
struct ConcurrencyTests {
  @Test func `three hundred requests are under way at once, and their connections are kept`() async throws {
    let count = 300
    let rounds = [Gate(), Gate()]
    let arrived = Mutex(0)
    let server = TestServer.answering { request in
      // Nobody is answered before all have asked: with fewer at a time this would never end.
      let arrival = arrived.withLock { arrived in
        arrived += 1
        return arrived
      }
      let round = (arrival - 1) / count
      if arrival == count * (round + 1) { rounds[round].open() }
      rounds[round].blockUntilOpen()
      return reply("\(request.path)")
    }
    defer { server.stop() }
    let client = HTTPClient()
    for _ in rounds {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<count {
          group.addTask {
            let response = try await client.send(HTTPRequest(url: server.url + "\(index)"))
            #expect(text(response) == "/\(index)")
          }
        }
        try await group.waitForAll()
      }
    }
    #expect(server.connectionCount == count)
  }

  @Test func `requests beyond a host's connections wait in line`() async throws {
    let server = TestServer.answering { request in reply("\(request.path)") }
    defer { server.stop() }
    let client = HTTPClient(HTTPClientConfiguration(maxConnectionsPerHost: 2))
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<20 { group.addTask { try await client.send(HTTPRequest(url: server.url)).status } }
      for try await status in group { #expect(status == 200) }
    }
    #expect(server.connectionCount <= 2)
  }
}

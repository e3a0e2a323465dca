import RedisFixture
import Testing

@testable import Hiredis

@Suite(.timeLimit(.minutes(5))) struct TCPTests {
  private let log = LogEvents()

  @Test func `A host is reached by name and by number`() async throws {
    let port = FreePort.find(1)[0]
    let server = RedisServer(isRunning: true, ["--port", "\(port)", "--bind", "127.0.0.1"])
    for host in ["localhost", "127.0.0.1"] {
      let redis = RedisConnection(try RedisAddress("redis://\(host):\(port)/2"))
      #expect(try await redis.send(["CLIENT", "INFO"]).string?.contains(" db=2 ") == true)
    }
    withExtendedLifetime(server) {}
  }

  @Test func `A port where nobody listens and a name that does not exist are named as the reason`() async throws {
    let refused = RedisConnection(
      try RedisAddress("redis://127.0.0.1:\(FreePort.find(1)[0])"), limits: .talkative, log: log)
    #expect(await log.line(containing: "Connection refused") != nil)
    refused.close()
    let nowhere = RedisConnection(try RedisAddress("redis://name.invalid"), limits: .talkative, log: log)
    #expect(await log.line(containing: "name.invalid") != nil)
    nowhere.close()
  }
}

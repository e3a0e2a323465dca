import Glibc
import RedisFixture
import Testing

@testable import Hiredis

@Suite(.timeLimit(.minutes(1))) struct TCPTests {
  private let log = LogEvents()

  /// A port that was free a moment ago.
  private func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { Glibc.close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutableBytes(of: &address) { bytes -> Int32 in
      guard let generic = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
      return bind(descriptor, generic, size) | getsockname(descriptor, generic, &size)
    }
    try #require(status == 0)
    return Int(UInt16(bigEndian: address.sin_port))
  }

  @Test func `A host is reached by name and by number`() async throws {
    let port = try freePort()
    let server = RedisServer(isRunning: true, ["--port", "\(port)", "--bind", "127.0.0.1"])
    for host in ["localhost", "127.0.0.1"] {
      let redis = RedisConnection(try RedisAddress("redis://\(host):\(port)/2"))
      #expect(try await redis.send(["CLIENT", "INFO"]).string?.contains(" db=2 ") == true)
    }
    withExtendedLifetime(server) {}
  }

  @Test func `A port where nobody listens and a name that does not exist are named as the reason`() async throws {
    let refused = RedisConnection(try RedisAddress("redis://127.0.0.1:\(freePort())"), limits: .talkative, log: log)
    #expect(await log.line(containing: "Connection refused") != nil)
    refused.close()
    let nowhere = RedisConnection(try RedisAddress("redis://name.invalid"), limits: .talkative, log: log)
    #expect(await log.line(containing: "name.invalid") != nil)
    nowhere.close()
  }
}

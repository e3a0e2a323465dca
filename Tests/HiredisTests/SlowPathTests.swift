import Testing

@testable import Hiredis

/// A large command and a large answer that take longer than any deadline, but never stand still.
@Suite(.timeLimit(.minutes(5))) struct SlowPathTests {
  @Test func `A command that takes longer than its timeout to get through is sent once and answered`() async throws {
    let log = LogEvents()
    var command: RedisArguments = ["SET", "k"]
    command.append([UInt8](repeating: 0, count: 4_000_000))
    let bytes = command.frame.count
    var answer = Array("$4000000\r\n".utf8)
    answer += [UInt8](repeating: 1, count: 4_000_000) + Array("\r\n".utf8)
    let peer = try SlowPeer(commandBytes: bytes, answer: answer, slice: 200_000)
    defer { peer.close() }
    let limits = LinkLimits(silence: .milliseconds(1_500))
    let redis = RedisConnection(try RedisAddress("redis+unix://\(peer.path)"), limits: limits, log: log)
    let start = ContinuousClock.now
    let reply = try await redis.send(command, timeout: .milliseconds(1_500))
    #expect(reply.bytesValue?.count == 4_000_000)
    // Both ways took longer than the timeout, which was the point.
    #expect(ContinuousClock.now - start > .seconds(3))
    #expect(peer.seen == (1, bytes))
    redis.close()
  }
}

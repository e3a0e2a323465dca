import Hiredis
import RedisFixture
import Testing

@Suite(.timeLimit(.minutes(5))) struct RedisScriptTests {
  private let server: RedisServer
  private let redis: RedisConnection
  private let script = RedisScript(
    name: "set", source: "return {redis.call('SET', KEYS[1], ARGV[1]).ok, redis.call('GET', KEYS[1]), ARGV[2]}")

  init() throws {
    server = RedisServer()
    redis = RedisConnection(try server.address())
  }

  private func run() async throws -> [String?]? {
    try await redis.evaluate(script, keys: ["key"], arguments: ["v", "w"], timeout: timeout).array?.map(\.string)
  }

  @Test func `A script gets its keys and arguments`() async throws {
    #expect(try await run() == ["OK", "v", "w"])
    #expect(try await run() == ["OK", "v", "w"])
  }

  @Test func `A server that has forgotten the script is told again, unseen`() async throws {
    #expect(try await run() == ["OK", "v", "w"])
    _ = try await redis.send(["SCRIPT", "FLUSH"])
    #expect(try await run() == ["OK", "v", "w"])
    server.kill()
    server.start()
    #expect(try await run() == ["OK", "v", "w"])
  }

  @Test func `Many callers may meet a server that does not know the script`() async throws {
    try await withThrowingTaskGroup(of: [String?]?.self) { group in
      for _ in 0..<64 { group.addTask { try await run() } }
      for try await answer in group { #expect(answer == ["OK", "v", "w"]) }
    }
  }

  @Test func `A script that does not compile is an error`() async throws {
    let broken = RedisScript(name: "broken", source: "return return")
    let error = await #expect(throws: RedisError.self) {
      try await redis.evaluate(broken, keys: [], arguments: [], timeout: timeout)
    }
    #expect(error?.isTransient == false)
  }

  @Test func `A script's own error is an error`() async throws {
    let failing = RedisScript(name: "failing", source: "return {err = 'CONFLICT other document'}")
    await #expect(throws: RedisError.reply(RedisReplyError(code: "CONFLICT", message: "other document"))) {
      try await redis.evaluate(failing, keys: [], arguments: [], timeout: timeout)
    }
  }
}

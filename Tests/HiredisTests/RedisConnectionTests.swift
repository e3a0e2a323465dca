import RedisFixture
import Testing

@testable import Hiredis

@Suite(.timeLimit(.minutes(5))) struct RedisConnectionTests {
  private let server: RedisServer
  private let redis: RedisConnection

  init() throws {
    server = RedisServer()
    redis = RedisConnection(try server.address())
  }

  @Test func `Every kind of reply arrives as what it is`() async throws {
    #expect(try await redis.send(["SET", "k", "v"]) == .status("OK"))
    #expect(try await redis.send(["GET", "k"]).string == "v")
    #expect(try await redis.send(["GET", "missing"]).isNull)
    #expect(try await redis.send(["INCRBY", "n", "-9223372036854775808"]) == .integer(.min))
    #expect(try await redis.send(["GET", "n"]).int == .min)
    let script = "return {1, 'two', {redis.status_reply('THREE'), {err = 'FOUR went wrong'}}, false, {}}"
    let nested = try await redis.send(["EVAL", script, "0"])
    let inner = RedisReply.array([.status("THREE"), .error(RedisReplyError(code: "FOUR", message: "went wrong"))])
    #expect(nested == .array([.integer(1), .bytes(Array("two".utf8)), inner, .null, .array([])]))
    #expect(redis.isConnected)
  }

  @Test func `Several commands are answered together, errors among the answers`() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<200 {
        group.addTask { [redis] in
          let replies = try await redis.send(
            [["SET", "k\(number)", "v"], ["INCR", "k\(number)"], ["APPEND", "k\(number)", "w"]], timeout: .seconds(20))
          let error = RedisReplyError(line: "ERR value is not an integer or out of range")
          #expect(replies == [.status("OK"), .error(error), .integer(2)])
        }
        group.addTask { [redis] in
          let echo = try await redis.send(["ECHO", "\(number)"]).string
          #expect(echo == "\(number)")
        }
      }
      try await group.waitForAll()
    }
  }

  @Test func `An error reply is thrown`() async throws {
    _ = try await redis.send(["SET", "k", "v"])
    let error = RedisReplyError(line: "ERR value is not an integer or out of range")
    await #expect(throws: RedisError.reply(error)) { try await redis.send(["INCR", "k"]) }
  }

  @Test func `Any bytes come back as they were, whether none or 5 MB`() async throws {
    for value in [[], [0, 13, 10, 255, 0], (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }] as [[UInt8]] {
      var command: RedisArguments = ["SET", "k"]
      command.append(value)
      #expect(try await redis.send(command) == .status("OK"))
      #expect(try await redis.send(["GET", "k"]).bytesValue == value)
    }
    #expect(try await redis.send(["ECHO", "\u{0}é"]).string == "\u{0}é")
    #expect(RedisReply.bytes([0xff]).string == nil)
  }

  @Test func `Commands of every size, each on an idle connection, keep the connection`() async throws {
    let id = try await redis.send(["CLIENT", "ID"])
    for size in [1, 1_000, 16_000, 17_000, 300_000, 3_000_000] {
      var command: RedisArguments = ["ECHO"]
      command.append([UInt8](repeating: 7, count: size))
      #expect(try await redis.send(command).bytesValue?.count == size)
    }
    #expect(try await redis.send(["CLIENT", "ID"]) == id)
  }

  @Test func `A command that Redis does not answer fails in time, also on a connection that was idle`() async throws {
    _ = try await redis.send(["PING"])
    server.pause()
    defer { server.resume() }
    let start = ContinuousClock.now
    await #expect(throws: RedisError.self) { try await redis.send(["PING"], timeout: .milliseconds(200)) }
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test func `A function gets what a script returns, and may send the next`() async throws {
    let script = RedisScript(name: "count", source: "return redis.call('INCRBY', KEYS[1], ARGV[1])")
    let replies = AsyncStream<Result<RedisReply, RedisError>>.makeStream()
    @Sendable func count(_ left: Int) {
      redis.evaluate(script, keys: ["n"], arguments: ["2"], timeout: .seconds(30)) { outcome in
        replies.continuation.yield(outcome)
        if left > 1 { count(left - 1) } else { replies.continuation.finish() }
      }
    }
    count(3)
    var seen: [Result<RedisReply, RedisError>] = []
    for await reply in replies.stream { seen.append(reply) }
    #expect(seen == [.success(.integer(2)), .success(.integer(4)), .success(.integer(6))])
    let closed = await withCheckedContinuation { continuation in
      redis.close()
      redis.evaluate(script, keys: ["n"], arguments: ["2"], timeout: .seconds(30)) {
        continuation.resume(returning: $0)
      }
    }
    #expect(closed == .failure(.unavailable(reason: "the connection was closed", outcomeUnknown: false)))
  }

  @Test func `Ten thousand commands of 64 tasks get their own answers`() async throws {
    try await withThrowingTaskGroup(of: Int.self) { group in
      for task in 0..<64 {
        group.addTask { [redis] in
          var mistakes = 0
          for turn in 0..<157 {
            let word = "\(task)-\(turn)"
            if try await redis.send(["ECHO", word]).string != word { mistakes += 1 }
          }
          return mistakes
        }
      }
      for try await mistakes in group { #expect(mistakes == 0) }
    }
  }

  @Test func `One caller's commands are carried out in their order`() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<1000 {
        // Each is given on this task, before the next one, and awaited elsewhere.
        let answer = Task.immediate { [redis] in try await redis.send(["RPUSH", "list", "\(number)"]) }
        group.addTask { _ = try await answer.value }
      }
      try await group.waitForAll()
    }
    let list = try await redis.send(["LRANGE", "list", "0", "-1"]).array
    #expect(list?.compactMap(\.int) == Array(0..<1000))
  }

  @Test func `A cancelled task still gets its answer`() async throws {
    server.pause()
    let task = Task { [redis] in try await redis.send(["ECHO", "done"]) }
    task.cancel()
    server.resume()
    #expect(try await task.value.string == "done")
  }

  @Test func `Closing fails what is pending and what comes after, and may be repeated`() async throws {
    _ = try await redis.send(["PING"])
    server.pause()
    let pending = Task.immediate { [redis] in try await redis.send(["ECHO", "a"]) }
    redis.close()
    redis.close()
    let error = await #expect(throws: RedisError.self) { try await pending.value }
    #expect("\(error as RedisError?)".contains("closed"))
    let refusal = await redis.refusal(of: ["PING"])
    #expect(refusal == .unavailable(reason: "the connection was closed", outcomeUnknown: false))
  }

  @Test func `The server sees the client's name without what it would refuse`() async throws {
    let configuration = LinkConfiguration(
      address: try server.address(), name: "my wörker", logger: LogEvents().logger, limits: LinkLimits())
    let named = RedisConnection(configuration)
    #expect(try await named.send(["CLIENT", "GETNAME"]).string == "my-w--rker")
  }
}

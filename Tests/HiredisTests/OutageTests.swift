import LinuxSupport
import RedisFixture
import Testing

@testable import Hiredis

@Suite(.timeLimit(.minutes(5))) struct OutageTests {
  private let log = LogEvents()

  @Test func `A deadline that passes leaves later answers where they belong`() async throws {
    let server = RedisServer()
    let redis = RedisConnection(try server.address())
    _ = try await redis.send(["PING"])
    server.pause()
    for word in ["late", "later"] {
      let error = await redis.refusal(of: ["ECHO", word])
      guard case .unavailable(let reason, outcomeUnknown: true) = error else {
        Issue.record("\(error as RedisError?)")
        continue
      }
      #expect(reason.contains("no reply in time"))
    }
    server.resume()
    #expect(try await redis.send(["ECHO", "next"]).string == "next")
    #expect(try await redis.send(["ECHO", "last"]).string == "last")
  }

  @Test func `A task that goes on on the link's own thread learns at once that its time is over`() async throws {
    let server = RedisServer()
    // Nothing else wakes the link up before the test has failed.
    let redis = RedisConnection(try server.address(), limits: LinkLimits(silence: .seconds(3_600)))
    _ = try await redis.send(["PING"])
    server.pause()
    let refused = Task(executorPreference: ThreadExecutor.shared) { await redis.refusal(of: ["PING"]) }
    guard case .unavailable = await refused.value else {
      Issue.record("a server that stands still was to give no answer")
      return
    }
    server.resume()
    #expect(try await redis.send(["PING"]) == .status("PONG"))
  }

  @Test func `What was never sent has a known outcome, and the reason says why`() async throws {
    let server = RedisServer(isRunning: false)
    let redis = RedisConnection(try server.address(), limits: .talkative, log: log)
    _ = await log.line(containing: "cannot reach Redis")
    let error = await redis.refusal(of: ["PING"])
    guard case .unavailable(let reason, outcomeUnknown: false) = error else {
      Issue.record("\(error as RedisError?)")
      return
    }
    #expect(reason.contains("No such file"))
    #expect(!redis.isConnected)
    server.start()
    #expect(try await redis.send(["PING"]) == .status("PONG"))
  }

  @Test func `A time that is over before it began fails at once`() async throws {
    let server = RedisServer()
    let redis = RedisConnection(try server.address())
    _ = try await redis.send(["PING"])
    await #expect(throws: RedisError.self) { try await redis.send(["SET", "k", "v"], timeout: .zero) }
    #expect(try await redis.send(["EXISTS", "k"]) == .integer(0))
  }

  @Test func `Pending commands survive a server that is killed and started again`() async throws {
    let server = RedisServer()
    let redis = RedisConnection(try server.address())
    _ = try await redis.send(["PING"])
    server.pause()
    let pending = (0..<50).map { number in Task.immediate { try await redis.send(["RPUSH", "list", "\(number)"]) } }
    // Commands go out in order: once this one is out, so are those before it.
    guard case .unavailable(_, outcomeUnknown: true) = await redis.refusal(of: ["ECHO", "out"]) else {
      Issue.record("the commands were to be sent")
      return
    }
    server.kill()
    server.start()
    for task in pending { _ = try await task.value }
    let list = try await redis.send(["LRANGE", "list", "0", "-1"]).array
    #expect(list?.compactMap(\.int) == Array(0..<50))
  }

  @Test func `Tasks at work notice nothing of three crashes`() async throws {
    let server = RedisServer()
    let redis = RedisConnection(try server.address())
    let turns = Events<Int>()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<16 {
        group.addTask {
          for turn in 0..<400 {
            let word = "\(task)-\(turn)"
            let answer = try await redis.send(["ECHO", word])
            #expect(answer.string == word)
            turns.record(turn)
          }
        }
      }
      for milestone in [50, 150, 250] {
        await turns.next { $0 >= milestone }
        server.kill()
        server.start()
      }
      try await group.waitForAll()
    }
  }

  @Test func `A connection that the server cuts is made anew`() async throws {
    let server = RedisServer()
    let redis = RedisConnection(try server.address(), log: log)
    let admin = RedisConnection(try server.address())
    let client = try #require(try await redis.send(["CLIENT", "ID"]).int)
    #expect(try await admin.send(["CLIENT", "KILL", "ID", "\(client)"]) == .integer(1))
    let next = try #require(try await redis.send(["CLIENT", "ID"]).int)
    #expect(next != client)
    #expect(await log.line(containing: "connection to Redis lost")?.hasPrefix("warning") == true)
  }

  @Test func `A peer that falls silent while answers are due is dropped`() async throws {
    let server = RedisServer()
    let redis = RedisConnection(try server.address(), limits: .short, log: log)
    _ = try await redis.send(["PING"])
    server.pause()
    let pending = Task { try await redis.send(["ECHO", "a"]) }
    #expect(await log.line(containing: "no byte arrived") != nil)
    #expect(await log.line(containing: "sent no reply within") != nil)
    server.resume()
    #expect(try await pending.value.string == "a")
  }

  @Test func `A server that is still loading is waited for`() async throws {
    let settings = ["--enable-debug-command", "yes"]
    let server = RedisServer(isRunning: true, settings)
    let redis = RedisConnection(try server.address(), limits: .talkative, log: log)
    _ = try await redis.send(["DEBUG", "POPULATE", "3000"])
    _ = try await redis.send(["SAVE"])
    server.kill()
    server.start(["--key-load-delay", "100", "--loading-process-events-interval-bytes", "1024"])
    #expect(try await redis.send(["DBSIZE"]) == .integer(3000))
    #expect(await log.line(containing: "LOADING") != nil)
  }

  @Test func `A connection nobody holds any more is closed`() async throws {
    let server = RedisServer()
    let admin = RedisConnection(try server.address())
    var redis: RedisConnection? = RedisConnection(try server.address())
    let client = try #require(try await redis?.send(["CLIENT", "ID"]).int)
    redis = nil
    while try await admin.send(["CLIENT", "LIST", "ID", "\(client)"]).string != "" {}
  }
}

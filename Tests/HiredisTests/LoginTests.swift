import Glibc
import RedisFixture
import Testing

@testable import Hiredis

@Suite(.timeLimit(.minutes(5))) struct LoginTests {
  private let log = LogEvents()

  @Test func `A password lets in`() async throws {
    let server = RedisServer("--requirepass", "s3cret")
    let redis = RedisConnection(try server.address(login: ":s3cret@"))
    #expect(try await redis.send(["PING"]) == .status("PONG"))
  }

  @Test func `An ACL user is let in with what he may`() async throws {
    let server = RedisServer("--user", "app", "on", ">p@ss", "~app:*", "&*", "+@all", "-client")
    let redis = RedisConnection(try server.address(login: "app:p%40ss@"))
    #expect(try await redis.send(["ACL", "WHOAMI"]).string == "app")
    let error = await #expect(throws: RedisError.self) { try await redis.send(["GET", "other"]) }
    #expect(error?.isTransient == false)
  }

  @Test func `A wrong password is told once with its remedy, and tried until the server is mended`() async throws {
    let server = RedisServer("--requirepass", "right")
    let admin = RedisConnection(try server.address(login: ":right@"))
    let redis = RedisConnection(try server.address(login: ":wrong@"), limits: .talkative, log: log)
    let line = await log.line(containing: "WRONGPASS")
    #expect(line?.hasPrefix("error") == true && line?.contains("correct the user or the password") == true)
    guard case .unavailable(let reason, outcomeUnknown: false) = await redis.refusal(of: ["PING"]) else {
      Issue.record("nothing can have been sent")
      return
    }
    #expect(reason.contains("WRONGPASS"))
    _ = try await admin.send(["CONFIG", "SET", "requirepass", "wrong"])
    #expect(try await redis.send(["PING"]) == .status("PONG"))
    // Of the attempts in between there is no line.
    #expect(await log.lines.next() == "info: connected to Redis")
  }

  @Test func `A missing password is asked for`() async throws {
    let server = RedisServer("--requirepass", "s3cret")
    let redis = RedisConnection(try server.address(), limits: .talkative, log: log)
    #expect(await log.line(containing: "NOAUTH")?.contains("give the password") == true)
    redis.close()
  }

  @Test func `A needless password is named as such`() async throws {
    let server = RedisServer()
    let redis = RedisConnection(try server.address(login: ":p@"), limits: .talkative, log: log)
    #expect(await log.line(containing: "without any password")?.contains("take the password out") == true)
    redis.close()
  }

  @Test func `The database of the address is selected, after a reconnect too`() async throws {
    let server = RedisServer()
    let redis = RedisConnection(try server.address(query: "?db=7"))
    for _ in 1...2 {
      #expect(try await redis.send(["CLIENT", "INFO"]).string?.contains(" db=7 ") == true)
      server.kill()
      server.start()
    }
  }

  @Test func `A database that does not exist is told with its remedy`() async throws {
    let server = RedisServer()
    let redis = RedisConnection(try server.address(query: "?db=99"), limits: .talkative, log: log)
    #expect(await log.line(containing: "DB index")?.contains("choose a database") == true)
    redis.close()
  }

  @Test func `What an operator must mend is said once, however many connections meet it`() async throws {
    let server = RedisServer("--requirepass", "first")
    let path = "/tmp/redis-password-\(UInt64.random(in: .min ... .max))"
    defer { unlink(path) }
    let admin = RedisConnection(try server.address(login: ":first@"))
    #expect(try await admin.send(["PING"]) == .status("PONG"))
    var address = try server.address()
    address.passwordFile = path
    let connections = (1...3).map { _ in RedisConnection(address, limits: .talkative, log: log) }
    for redis in connections {
      // It may not have tried to connect yet.
      var reason = "not yet"
      while reason.hasSuffix("yet"), case .unavailable(let found, _) = await redis.refusal(of: ["PING"]) {
        reason = found
      }
      #expect(reason.contains("cannot read the password file"))
    }
    #expect(await log.lines.next()?.hasPrefix("error: Redis refuses: cannot read the password file") == true)
    let file = try #require(fopen(path, "w"))
    fputs("first", file)
    fclose(file)
    for redis in connections { #expect(try await redis.send(["PING"]) == .status("PONG")) }
    for _ in connections { #expect(await log.lines.next() == "info: connected to Redis") }
  }

  @Test func `A new password is taken from its file without a restart`() async throws {
    let server = RedisServer("--requirepass", "first")
    let path = "/tmp/redis-password-\(UInt64.random(in: .min ... .max))"
    defer { unlink(path) }
    func write(_ password: String) throws {
      let file = try #require(fopen(path, "w"))
      fputs(password + "\n", file)
      fclose(file)
    }
    var address = try server.address()
    address.passwordFile = path
    let redis = RedisConnection(address, limits: .talkative, log: log)
    #expect(await log.line(containing: "cannot read the password file")?.hasPrefix("error") == true)
    try write("first")
    #expect(try await redis.send(["PING"]) == .status("PONG"))
    _ = try await redis.send(["CONFIG", "SET", "requirepass", "second"])
    let admin = RedisConnection(try server.address(login: ":second@"))
    _ = try await admin.send(["CLIENT", "KILL", "TYPE", "normal"])
    #expect(await log.line(containing: "WRONGPASS")?.hasPrefix("error") == true)
    try write("second")
    #expect(try await redis.send(["PING"]) == .status("PONG"))
  }
}

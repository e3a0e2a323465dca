import Testing

@testable import Hiredis

@Suite struct RedisErrorTests {
  @Test func `An error's first word is its code`() {
    let error = RedisReplyError(line: "OOM command not allowed when used memory > 'maxmemory'.")
    #expect(error.code == "OOM" && error.message.hasPrefix("command not"))
    #expect(RedisReplyError(line: "ERR") == RedisReplyError(code: "ERR", message: ""))
  }

  @Test(arguments: [
    "LOADING", "READONLY", "OOM", "BUSY", "MASTERDOWN", "TRYAGAIN", "NOREPLICAS", "MISCONF", "CLUSTERDOWN",
  ])
  func `A state of the server that passes is transient`(code: String) {
    #expect(RedisError.reply(RedisReplyError(code: code, message: "")).isTransient)
  }

  @Test func `Being unavailable is transient and a mistake is not`() {
    #expect(RedisError.unavailable(reason: "", outcomeUnknown: true).isTransient)
    #expect(!RedisError.reply(RedisReplyError(line: "WRONGTYPE Operation against a key")).isTransient)
    #expect(!RedisError.reply(RedisReplyError(line: "ERR unknown command")).isTransient)
  }
}

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

  @Test(arguments: [
    ("NOPERM this user has no permissions to run the 'info' command", "NOPERM"),
    ("ERR The user executing the script can't run this command or subcommand script: 50, on @user_script:2.", "NOPERM"),
    ("ERR ACL failure in script: u has no permissions to run the 'hset' command script: on @user_script", "NOPERM"),
    ("ERR ACL failure in script: No permissions to access a channel script: on @user_script:2.", "NOPERM"),
    ("NOAUTH Authentication required.", "NOAUTH"),
    ("WRONGPASS invalid username-password pair or user is disabled.", "WRONGPASS"),
    ("CROSSSLOT Keys in request don't hash to the same slot", "CLUSTER"), ("MOVED 8579 127.0.0.1:18221", "CLUSTER"),
    ("ERR Script attempted to access a non local key in a cluster node script: 1, on @user_script:2.", "CLUSTER"),
    ("ERR Script attempted to access keys that do not hash to the same slot script: 1, on @user_script:2.", "CLUSTER"),
    ("ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'", "VERSION"),
    ("ERR unknown command 'INFO', with args beginning with: 'server' ", "NOCOMMAND"),
    ("ERR Unknown Redis command called from script script: 1, on @user_script:2.", "NOCOMMAND"),
    ("ERR Unknown command called from script script: on @user_script:2.", "NOCOMMAND"),
    ("ERR string exceeds maximum allowed size (proto-max-bulk-len) script: 7, on @user_script:9.", "VALUESIZE"),
  ])
  func `A refusal is named for what it is, with a remedy`(line: String, cause: String) {
    let error = RedisReplyError(line: line)
    #expect(error.meaning == .refusal && error.cause == cause && error.remedy != nil)
    #expect(error.wasRaisedInScript == line.contains("@user_script"))
  }

  @Test(arguments: [
    "WRONGTYPE Operation against a key holding the wrong kind of value script: 3, on @user_script:2.",
    "ERR user_script:2: attempt to perform arithmetic on a nil value script: 5, on @user_script:2.",
    "ERR hash value is not an integer",
  ])
  func `What does not fit the data is told from a refusal`(line: String) {
    #expect(RedisReplyError(line: line).meaning == .mismatch)
  }

  @Test func `An error that is not known is a refusal`() {
    #expect(RedisReplyError(line: "ERR something new").meaning == .refusal)
  }
}

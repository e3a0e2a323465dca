import Testing

@testable import Hiredis

@Suite struct RedirectionTests {
  private let node = RedisAddress.Host(name: "here", port: 1)

  private func redirection(_ line: String, isScript: Bool = false) -> Redirection? {
    Redirection(.failure(.reply(RedisReplyError(line: line))), from: node, isScript: isScript, commands: 1)
  }

  private func redirection(of replies: RedisReply..., isScript: Bool = false) -> Redirection? {
    Redirection(.success(.array(replies)), from: node, isScript: isScript, commands: replies.count)
  }

  private func error(_ line: String) -> RedisReply { .error(RedisReplyError(line: line)) }

  private func isLater(_ redirection: Redirection?) -> Bool {
    if case .later = redirection { true } else { false }
  }

  @Test func `MOVED names slot and node`() {
    #expect(redirection("MOVED 8579 10.0.0.1:7000") == .moved(slot: 8_579, to: .init(name: "10.0.0.1", port: 7_000)))
    #expect(
      redirection("MOVED 1 fd00::2:7000", isScript: true) == .moved(slot: 1, to: .init(name: "fd00::2", port: 7_000)))
    #expect(redirection("MOVED 0 :7001") == .moved(slot: 0, to: .init(name: "here", port: 7_001)))
  }

  @Test(arguments: ["MOVED", "MOVED x a:1", "MOVED 16384 a:1", "MOVED 1 a", "MOVED 1 a:", "MOVED 1 a:0", "ASK 1"])
  func `A redirect without a target is an error`(line: String) { #expect(redirection(line) == nil) }

  @Test func `ASK is followed by a command, and waited for by a script and by several commands`() {
    let line = "ASK 8579 10.0.0.1:7000"
    #expect(redirection(line) == .ask(.init(name: "10.0.0.1", port: 7_000)))
    #expect(isLater(redirection(line, isScript: true)))
    #expect(isLater(redirection(of: .status("OK"), error(line))))
  }

  @Test func `What a cluster cannot do for the time being is done later`() {
    for line in ["TRYAGAIN Multiple keys request during rehashing of slot", "CLUSTERDOWN Hash slot not served"] {
      #expect(isLater(redirection(line)) && isLater(redirection(line, isScript: true)))
    }
    for line in [
      "ERR Script attempted to access a non local key in a cluster node script: 8f, on @user_script:2.",
      "ERR Attempted to access a non local key in a cluster node script: on @user_script:2.",
    ] {
      #expect(isLater(redirection(line, isScript: true)) && redirection(line) == nil)
      #expect(isLater(redirection(of: error(line), .status("OK"), .integer(1), isScript: true)))
    }
  }

  @Test func `Of several replies the first redirect counts`() {
    let moved = error("MOVED 1 a:1")
    #expect(
      redirection(of: .status("OK"), error("WRONGTYPE x"), moved, error("ASK 2 b:1"))
        == .moved(slot: 1, to: .init(name: "a", port: 1)))
    #expect(redirection(of: .status("OK"), error("NOSCRIPT x")) == nil)
  }

  @Test func `Whether several commands have begun is told by the script, or by any of them`() {
    func hasBegun(_ replies: RedisReply..., isScript: Bool) -> Bool {
      Redirection.hasBegun(.success(.array(replies)), isScript: isScript, commands: replies.count)
    }
    let ask = error("ASK 1 a:1")
    #expect(hasBegun(.null, ask, .integer(1), isScript: true) && hasBegun(ask, .null, isScript: false))
    #expect(!hasBegun(ask, .status("OK"), .integer(1), isScript: true) && !hasBegun(ask, ask, isScript: false))
    #expect(!Redirection.hasBegun(.failure(.reply(RedisReplyError(line: "ASK 1 a:1"))), isScript: true, commands: 1))
  }

  @Test func `Replies and other errors are final`() {
    #expect(redirection("ERR no such key") == nil && redirection("NOSCRIPT No matching script.", isScript: true) == nil)
    #expect(Redirection(.success(.status("OK")), from: node, isScript: false, commands: 1) == nil)
    // What a script has returned is its own.
    let result = RedisReply.array([error("MOVED 1 a:1")])
    #expect(Redirection(.success(result), from: node, isScript: true, commands: 1) == nil)
    let failure = Waiter.Outcome.failure(.unavailable(reason: "MOVED 1 a:1", outcomeUnknown: true))
    #expect(Redirection(failure, from: node, isScript: true, commands: 1) == nil)
  }
}

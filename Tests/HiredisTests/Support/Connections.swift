import Logging

@testable import Hiredis

/// Longer than anything takes; only a failing test waits for it.
let timeout = Duration.seconds(30)

extension LinkLimits {
  /// The usual limits, with every line of the log.
  static let talkative = LinkLimits(logInterval: .zero)

  /// Limits that let a test see in a blink what takes seconds.
  ///
  /// Only for tests of silence: on a busy machine a server that is well may be silent for as long.
  static let short = LinkLimits(
    attempt: .milliseconds(300), silence: .milliseconds(300), pingInterval: .milliseconds(50), logInterval: .zero)
}

extension RedisConnection {
  convenience init(_ address: RedisAddress, limits: LinkLimits = LinkLimits(), log: LogEvents = LogEvents()) {
    self.init(LinkConfiguration(address: address, name: "test", logger: log.logger, limits: limits))
  }

  func send(_ arguments: RedisArguments) async throws(RedisError) -> RedisReply {
    try await send(arguments, timeout: timeout)
  }

  /// The error of a command that cannot succeed within a tenth of a second.
  func refusal(of arguments: RedisArguments) async -> RedisError? {
    do throws(RedisError) {
      _ = try await send(arguments, timeout: .milliseconds(100))
      return nil
    } catch {
      return error
    }
  }
}

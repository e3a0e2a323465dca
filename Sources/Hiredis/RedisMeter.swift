/// Receives the measurements of a process's connections, on any thread and at once: it must be quick and must not
/// block.
public protocol RedisMeter: Sendable {
  /// Notes a script, or commands that were sent together.
  /// - Parameters:
  ///   - script: nil for commands that are no script.
  ///   - isAnswered: false when the timeout was over before there was a reply. An error is an answer.
  ///   - time: from the call to the reply, waits for a reconnect included.
  func note(_ script: RedisScript?, isAnswered: Bool, took time: Duration)

  /// Notes that a connection that was lost is made again.
  func noteReconnect()
}

/// The receiver of a command's reply.
enum Waiter: Sendable {
  /// The reply, or why there is none.
  typealias Outcome = Result<RedisReply, RedisError>

  /// A task. The continuation is unchecked, for speed: `Pipeline` returns every waiter exactly once.
  case task(UnsafeContinuation<Outcome, Never>)

  /// A function, called on the connection's thread; in a cluster also on `redis-wait`, where a command has expired.
  case function(@Sendable (Outcome) -> Void)

  /// A command in a cluster, which may have to be sent to another node. Called on the connection's thread.
  case routed(RoutedCall)

  /// Passes the outcome to the receiver. Must be called exactly once.
  func resume(_ outcome: Outcome) {
    switch self {
    case .task(let continuation): continuation.resume(returning: outcome)
    case .function(let function): function(outcome)
    case .routed(let call): call.receive(outcome)
    }
  }
}

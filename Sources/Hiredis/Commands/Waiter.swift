/// Who waits for the answer to a command.
enum Waiter: Sendable {
  /// What a command ends with.
  typealias Outcome = Result<RedisReply, RedisError>

  /// A task.
  ///
  /// The continuation is an unsafe one for speed; `Pipeline` gives every waiter out once.
  case task(UnsafeContinuation<Outcome, Never>)

  /// A thread of its own.
  case thread(BlockingOutcome)

  /// Nobody waits: the outcome is handed to a function, on the connection's own thread.
  case function(@Sendable (Outcome) -> Void)

  /// Ends the wait.
  func resume(_ outcome: Outcome) {
    switch self {
    case .task(let continuation): continuation.resume(returning: outcome)
    case .thread(let blocking): blocking.resume(outcome)
    case .function(let function): function(outcome)
    }
  }
}

import Logging
import Tracing
import WorkflowStore

/// The callbacks that a worker sends, from its start to its end.
struct RunningCallbacks: Sendable {
  private let sender: CallbackSender
  private let task: Task<Void, Never>

  /// Begins to send; nil where the worker leaves callbacks to others.
  /// - Parameter check: whether the data in Redis are divided as the settings say.
  init?(
    _ configuration: CallbackConfiguration?, _ partitions: Partitions, worker: String,
    spans: (any SpanRecorder)? = nil, logger: Logger,
    unless check: @escaping @Sendable () async -> PartitionCheck
  ) {
    guard let configuration else { return nil }
    let sender = CallbackSender(configuration, partitions: partitions, worker: worker, spans: spans, logger: logger)
    self.sender = sender
    task = Task { if await check() == .fits { await sender.run() } }
  }

  /// How long giving back may take.
  private static let giveBackTime = Duration.milliseconds(500)

  /// Whether nothing is being sent.
  var isIdle: Bool { sender.isIdle }

  /// Takes no more; what is being sent may end.
  func stop() { sender.stop() }

  /// Aborts what is still being sent, and gives it back.
  func end() async {
    task.cancel()
    let deadline = ContinuousClock.now + Self.giveBackTime
    while !isIdle, .now < deadline { await Task.uncancelledSleep(for: .milliseconds(5)) }
  }
}

import Dispatch

/// Runs a task's jobs on the thread where they become ready, if that thread has a ``JobQueue``; otherwise on the global
/// pool.
///
/// The task must do nothing that takes longer than 1 ms: it keeps the thread from its sockets.
///
/// Executor preference:
/// [SE-0417](https://github.com/swiftlang/swift-evolution/blob/main/proposals/0417-task-executor-preference.md).
public final class ThreadExecutor: TaskExecutor {
  /// The only instance.
  public static let shared = ThreadExecutor()

  private init() {}

  /// Enqueues a job.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if let queue = JobQueue.current { queue.append(job) } else { Self.handOver([job]) }
  }

  /// Jobs that a thread of the pool runs one after the other: waking a thread for each would cost more than most take.
  private static let portion = 16

  /// Runs jobs on the global pool.
  static func handOver(_ jobs: ArraySlice<UnownedJob>) {
    var rest = jobs
    while !rest.isEmpty {
      let portion = rest.prefix(Self.portion)
      rest = rest.dropFirst(Self.portion)
      DispatchQueue.global().async {
        for job in portion { job.runSynchronously(on: shared.asUnownedTaskExecutor()) }
      }
    }
  }
}

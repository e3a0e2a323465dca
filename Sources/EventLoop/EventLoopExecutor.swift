import Dispatch

/// Runs a task's jobs on the event loop where they become ready; elsewhere, on any thread.
///
/// A task that prefers it goes on where its answer comes in, so that nobody is woken in between. Whatever may keep its
/// thread for long has no place in such a task: it would keep the loop from its sockets.
///
/// Executor preference: [SE-0417](https://github.com/swiftlang/swift-evolution/blob/main/proposals/0417-task-executor-preference.md).
public final class EventLoopExecutor: TaskExecutor {
  /// The one.
  public static let shared = EventLoopExecutor()

  private init() {}

  /// Takes a job on.
  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if let loop = EventLoop.current { loop.append(job) } else { EventLoopExecutor.handOver(job) }
  }

  /// Has any thread run a job.
  static func handOver(_ job: UnownedJob) {
    DispatchQueue.global().async { job.runSynchronously(on: shared.asUnownedTaskExecutor()) }
  }
}

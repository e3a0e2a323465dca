import Glibc

/// The jobs that wait for a thread with a loop, such as one that polls sockets.
///
/// A task that prefers ``ThreadExecutor`` runs where its input arrives: when a request has been read or a reply has
/// come on this thread, the task resumes here, and no other thread has to be woken. The loop calls ``runReadyJobs()``
/// in each round. A queue belongs to the thread that made it, and must be deallocated there; jobs that are left move to
/// the global pool.
public final class JobQueue {
  private var ready: [UnownedJob] = []

  /// How long jobs may keep the loop from its sockets in one round. What takes longer has no place in such a task.
  private static let longestRound = Duration.milliseconds(1)

  /// Makes the calling thread one that runs jobs.
  public init() {
    let code = pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque())
    precondition(code == 0, "there is memory for a thread's own value")
  }

  deinit {
    pthread_setspecific(Self.key, nil)
    ThreadExecutor.handOver(ready[...])
  }

  /// Whether a job is ready.
  public var hasReadyJobs: Bool { !ready.isEmpty }

  /// Runs the jobs that are ready, and those that they make ready. After 1 ms the rest moves to the global pool.
  public func runReadyJobs() {
    guard hasReadyJobs else { return }
    let end = MonotonicInstant.now + Self.longestRound
    while !ready.isEmpty {
      var jobs: [UnownedJob] = []
      swap(&jobs, &ready)
      for (index, job) in jobs.enumerated() {
        guard .now < end else {
          ThreadExecutor.handOver(jobs[index...])
          break
        }
        job.runSynchronously(on: ThreadExecutor.shared.asUnownedTaskExecutor())
      }
    }
  }

  /// Adds a job to this round.
  func append(_ job: UnownedJob) { ready.append(job) }

  /// The queue of the calling thread; nil when it has none.
  static var current: JobQueue? {
    pthread_getspecific(key).map { Unmanaged<JobQueue>.fromOpaque($0).takeUnretainedValue() }
  }

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "a process has a few keys for values of its threads")
    return key
  }()
}

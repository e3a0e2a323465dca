import Glibc

/// The jobs that wait for a thread with a loop, such as one that polls sockets.
///
/// A task that prefers ``ThreadExecutor`` runs where its input arrives: when a request has been read or a reply has
/// come on this thread, the task resumes here, and no other thread has to be woken. The loop calls ``runReadyJobs()``
/// in each round. A queue belongs to the thread that made it, and must be deallocated there; jobs that are left move to
/// the global pool.
public final class JobQueue {
  private var ready: [UnownedJob] = []
  private var last: [@Sendable () -> Void] = []

  private let limit: Duration

  /// How long jobs may keep the loop from its sockets in one round. What takes longer has no place in such a task.
  public static let longestRound = Duration.milliseconds(1)

  /// Makes the calling thread one that runs jobs.
  /// - Parameter limit: how long a round may take.
  public init(longestRound limit: Duration = longestRound) {
    self.limit = limit
    let code = pthread_setspecific(Self.key, Unmanaged.passUnretained(self).toOpaque())
    precondition(code == 0, "there is memory for a thread's own value")
  }

  deinit {
    pthread_setspecific(Self.key, nil)
    ThreadExecutor.handOver(ready[...])
    for function in last { function() }
  }

  /// Calls a function at the end of the calling thread's round: once the jobs have run that are ready by then. At once
  /// on a thread without a queue.
  ///
  /// For what the jobs of a round have in common, such as one message for all of them.
  public static func atEndOfRound(_ function: @escaping @Sendable () -> Void) {
    if let current { current.last.append(function) } else { function() }
  }

  /// Whether a job is ready, or something to be done after the jobs.
  public var hasReadyJobs: Bool { !ready.isEmpty || !last.isEmpty }

  /// Runs the jobs that are ready, and those that they make ready, and then what is for the end of the round. The
  /// rest of a round that takes too long moves to the global pool.
  public func runReadyJobs() {
    guard hasReadyJobs else { return }
    let end = MonotonicInstant.now + limit
    repeat {
      runJobs(until: end)
      var functions: [@Sendable () -> Void] = []
      swap(&functions, &last)
      for function in functions { function() }
    } while hasReadyJobs
  }

  private func runJobs(until end: MonotonicInstant) {
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

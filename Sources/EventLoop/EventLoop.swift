import Glibc

/// The jobs that wait for a thread with a loop of its own, such as one that polls sockets.
///
/// What becomes ready on the thread (a request has been read, an answer has come) goes on there, without another thread
/// being woken: the loop calls ``runReadyJobs()`` in each of its rounds. It belongs to the thread that made it.
public final class EventLoop {
  private var ready: [UnownedJob] = []

  /// How long the loop may be kept from its sockets in one round.
  private static let longestRound = Duration.milliseconds(1)

  /// Makes the calling thread one that runs jobs.
  public init() {
    let code = pthread_setspecific(EventLoop.key, Unmanaged.passUnretained(self).toOpaque())
    precondition(code == 0, "there is memory for a thread's own value")
  }

  /// To be let go of on the thread, when it leaves its loop.
  deinit {
    pthread_setspecific(EventLoop.key, nil)
    ready.forEach(EventLoopExecutor.handOver)
  }

  /// Whether there is something to run.
  public var hasReadyJobs: Bool { !ready.isEmpty }

  /// Runs what is ready, and what becomes ready by that. When that takes long, the rest is for other threads.
  public func runReadyJobs() {
    guard hasReadyJobs else { return }
    let end = ContinuousClock.now + EventLoop.longestRound
    while !ready.isEmpty {
      var jobs: [UnownedJob] = []
      swap(&jobs, &ready)
      for job in jobs {
        if .now < end {
          job.runSynchronously(on: EventLoopExecutor.shared.asUnownedTaskExecutor())
        } else {
          EventLoopExecutor.handOver(job)
        }
      }
    }
  }

  /// Has the loop run a job in this round.
  func append(_ job: UnownedJob) { ready.append(job) }

  /// The loop of the calling thread; nil when it has none.
  static var current: EventLoop? {
    pthread_getspecific(key).map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
  }

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    precondition(pthread_key_create(&key, nil) == 0, "a process has a few keys for values of its threads")
    return key
  }()
}

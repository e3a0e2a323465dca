import Glibc
import Synchronization

/// The end of one command, for a thread that sleeps until it is there.
final class BlockingOutcome: Sendable {
  private struct Semaphore: @unchecked Sendable {
    // A semaphore may be used from every thread, and must not move.
    let pointer = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  }

  private let semaphore = Semaphore()
  private let outcome = Mutex<Waiter.Outcome?>(nil)

  /// No end yet.
  init() {
    sem_init(semaphore.pointer, 0, 0)
  }

  deinit {
    sem_destroy(semaphore.pointer)
    semaphore.pointer.deallocate()
  }

  /// Sets the end and wakes the thread; to be called once.
  func resume(_ result: Waiter.Outcome) {
    outcome.withLock { $0 = result }
    sem_post(semaphore.pointer)
  }

  /// Sleeps until there is an end.
  func wait() -> Waiter.Outcome {
    while true {
      if let result = outcome.withLock({ $0 }) { return result }
      sem_wait(semaphore.pointer)
    }
  }
}

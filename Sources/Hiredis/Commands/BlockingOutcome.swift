import Glibc
import Synchronization

/// The outcome of one command, for which a thread blocks.
final class BlockingOutcome: Sendable {
  private struct Semaphore: @unchecked Sendable {
    // A semaphore is thread-safe, and must not move.
    let pointer = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
  }

  private let semaphore = Semaphore()
  private let outcome = Mutex<Waiter.Outcome?>(nil)

  /// Creates an empty outcome.
  init() {
    sem_init(semaphore.pointer, 0, 0)
  }

  deinit {
    sem_destroy(semaphore.pointer)
    semaphore.pointer.deallocate()
  }

  /// Sets the outcome and wakes the thread. Must be called exactly once.
  func resume(_ result: Waiter.Outcome) {
    outcome.withLock { $0 = result }
    sem_post(semaphore.pointer)
  }

  /// Blocks until there is an outcome.
  func wait() -> Waiter.Outcome {
    while true {
      if let result = outcome.withLock({ $0 }) { return result }
      sem_wait(semaphore.pointer)
    }
  }
}

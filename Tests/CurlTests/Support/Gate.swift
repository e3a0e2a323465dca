import Dispatch

/// Opens once; threads and one task may wait for it.
final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  private let opened = AsyncStream<Never>.makeStream()

  func open() {
    semaphore.signal()
    opened.continuation.finish()
  }

  /// For a thread of a test server.
  func blockUntilOpen() {
    semaphore.wait()
    semaphore.signal()
  }

  /// For the task of a test. Also returns when the task is cancelled.
  func untilOpen() async {
    for await _ in opened.stream {}
  }
}

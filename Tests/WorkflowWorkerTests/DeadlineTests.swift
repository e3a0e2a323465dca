import Synchronization
import Testing

@testable import WorkflowWorker

/// A body that may take only so long.
@Suite(.timeLimit(.minutes(5))) struct DeadlineTests {
  @Test func `A body that ends in time returns its value`() async {
    #expect(await withDeadline(.seconds(50)) { 7 } == 7)
  }

  @Test func `A body that takes longer is cancelled, and has ended when nothing is returned`() async {
    let hasEnded = Atomic(false)
    let value: Int? = await withDeadline(.milliseconds(10)) {
      try? await Task.sleep(for: .seconds(50))
      hasEnded.store(true, ordering: .relaxed)
      return 7
    }
    #expect(value == nil && hasEnded.load(ordering: .relaxed))
  }

  @Test func `A body that ignores its cancellation is not waited for`() async {
    let (stream, continuation) = AsyncStream<Int>.makeStream()
    let value = await withDeadline(.milliseconds(10)) {
      await Task.detached { await stream.first { _ in true } ?? 0 }.value
    }
    #expect(value == nil)
    continuation.yield(1)
  }

  @Test func `When the task is cancelled the body's own value is returned`() async {
    let task = Task {
      await withDeadline(.seconds(50)) {
        try? await Task.sleep(for: .seconds(50))
        return Task.isCancelled
      }
    }
    task.cancel()
    #expect(await task.value == true)
  }
}

import Dispatch
import LinuxSupport
import Glibc
import Synchronization
import Testing

/// Where the jobs of tasks run.
@Suite(.timeLimit(.minutes(5))) struct JobQueueTests {
  /// Calls a body on a thread of its own, and returns what it returns.
  private func onThread<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
    await withCheckedContinuation { continuation in
      DispatchQueue(label: "loop").async { continuation.resume(returning: body()) }
    }
  }

  /// The threads that a task comes to: before it waits for the continuation that it hands out, and afterwards.
  private static func visit(_ record: Record, _ waiting: Mailbox) -> Task<Void, Never> {
    Task(executorPreference: ThreadExecutor.shared) {
      record.note()
      await withUnsafeContinuation { waiting.put($0) }
      record.note()
    }
  }

  @Test func `A task begins and goes on where it becomes ready, once the loop comes to it`() async {
    let record = Record()
    let (task, own) = await onThread {
      let loop = JobQueue(longestRound: .seconds(60))
      let waiting = Mailbox()
      let task = JobQueueTests.visit(record, waiting)
      #expect(record.threads.isEmpty)
      loop.runReadyJobs()
      #expect(record.threads.count == 1)
      waiting.take().resume()
      #expect(record.threads.count == 1)
      loop.runReadyJobs()
      return (task, UInt(pthread_self()))
    }
    await task.value
    #expect(record.threads == [own, own])
  }

  @Test func `What a job makes ready runs in the same round`() async {
    let record = Record()
    await onThread {
      let loop = JobQueue(longestRound: .seconds(60))
      Task(executorPreference: ThreadExecutor.shared) {
        Task(executorPreference: ThreadExecutor.shared) { record.note() }
      }
      loop.runReadyJobs()
      #expect(record.threads.count == 1)
    }
  }

  @Test func `What is for the end of a round runs once, after all jobs of the round`() async {
    let order = await onThread {
      let loop = JobQueue(longestRound: .seconds(60))
      let order = Order()
      Task(executorPreference: ThreadExecutor.shared) {
        JobQueue.atEndOfRound { order.add("end") }
        order.add("first")
        Task(executorPreference: ThreadExecutor.shared) { order.add("third") }
      }
      Task(executorPreference: ThreadExecutor.shared) { order.add("second") }
      loop.runReadyJobs()
      loop.runReadyJobs()
      return order
    }
    #expect(order.names == ["first", "second", "third", "end"])
  }

  @Test func `What is for the end of a round runs without jobs too, and when the loop ends`() async {
    let order = await onThread {
      let order = Order()
      JobQueue.atEndOfRound { order.add("no loop") }
      do {
        let loop = JobQueue(longestRound: .seconds(60))
        JobQueue.atEndOfRound {
          order.add("no jobs")
          Task(executorPreference: ThreadExecutor.shared) { order.add("a job that it makes ready") }
        }
        #expect(loop.hasReadyJobs)
        loop.runReadyJobs()
        JobQueue.atEndOfRound { order.add("the end of the loop") }
      }
      return order
    }
    #expect(order.names == ["no loop", "no jobs", "a job that it makes ready", "the end of the loop"])
  }

  @Test func `On a thread without a loop a task runs elsewhere`() async {
    let record = Record()
    let (task, own) = await onThread {
      (Task(executorPreference: ThreadExecutor.shared) { record.note() }, UInt(pthread_self()))
    }
    await task.value
    #expect(record.threads.count == 1 && record.threads != [own])
  }

  @Test func `When a job takes long, those after it are for other threads`() async {
    let record = Record()
    let (tasks, own) = await onThread {
      let loop = JobQueue(longestRound: .milliseconds(200))
      let tasks = (0..<3).map { number in
        Task(executorPreference: ThreadExecutor.shared) {
          record.note()
          let end = ContinuousClock.now + .milliseconds(250)
          while number == 0, .now < end {}
        }
      }
      loop.runReadyJobs()
      return (tasks, UInt(pthread_self()))
    }
    for task in tasks { await task.value }
    #expect(record.threads.count == 3 && record.threads.count { $0 == own } == 1)
  }

  @Test func `What is left when a loop ends runs elsewhere`() async {
    let record = Record()
    let task = await onThread {
      let loop = JobQueue()
      defer { withExtendedLifetime(loop) {} }
      return Task(executorPreference: ThreadExecutor.shared) { record.note() }
    }
    await task.value
    #expect(record.threads.count == 1)
  }
}

/// The threads that have been somewhere.
private final class Record: Sendable {
  private let state = Mutex<[UInt]>([])

  var threads: [UInt] { state.withLock { $0 } }

  func note() { state.withLock { $0.append(UInt(pthread_self())) } }
}

/// What has happened, in its order.
private final class Order: Sendable {
  private let state = Mutex<[String]>([])

  var names: [String] { state.withLock { $0 } }

  func add(_ name: String) { state.withLock { $0.append(name) } }
}

/// Holds the continuation of a task that waits.
private final class Mailbox: Sendable {
  private let state = Mutex<UnsafeContinuation<Void, Never>?>(nil)

  func put(_ continuation: UnsafeContinuation<Void, Never>) { state.withLock { $0 = continuation } }

  func take() -> UnsafeContinuation<Void, Never> {
    guard let continuation = state.withLock({ $0.take() }) else { fatalError("nobody waits") }
    return continuation
  }
}

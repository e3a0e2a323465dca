import Glibc
import SystemHarness

/// One stack for all tests that only use it; it goes when the tests' process does.
actor SharedStack {
  private static let shared = SharedStack()
  private var starting: Task<Stack, any Error>?

  /// The stack, started by whoever asks first.
  static func get() async throws -> Stack { try await shared.stack() }

  private func stack() async throws -> Stack {
    if let starting { return try await starting.value }
    let (stacks, continuation) = AsyncThrowingStream<Stack, any Error>.makeStream()
    Task.detached {
      do {
        try await Stack.with(.init(workers: 2)) { stack in
          continuation.yield(stack)
          // Until the process ends, and with it the stack's standard input.
          for await _ in AsyncStream<Never>.makeStream().stream {}
        }
      } catch {
        continuation.finish(throwing: error)
      }
    }
    let task = Task<Stack, any Error> {
      for try await stack in stacks { return stack }
      throw StackFailure("the stack ended")
    }
    starting = task
    return try await task.value
  }
}

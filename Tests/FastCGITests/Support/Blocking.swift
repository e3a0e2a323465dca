import Glibc

/// Runs a closure that blocks on a thread of its own: the pool's threads are needed by the handlers that it waits for.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    startThread { continuation.resume(with: Result(catching: body)) }
  }
}

/// Starts a thread that nobody waits for.
func startThread(_ body: @escaping @Sendable () -> Void) {
  let job = Unmanaged.passRetained(Job(body))
  var thread = pthread_t()
  let code = pthread_create(
    &thread, nil,
    { argument in
      if let argument { Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body() }
      return nil
    }, job.toOpaque())
  precondition(code == 0, "a thread can be started")
  pthread_detach(thread)
}

private final class Job: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

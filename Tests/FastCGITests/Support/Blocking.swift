import LinuxSupport

/// Runs a closure that blocks on a thread of its own: the pool's threads are needed by the handlers that it waits for.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    startThread { continuation.resume(with: Result(catching: body)) }
  }
}

/// Starts a thread that nothing waits for.
func startThread(_ body: @escaping @Sendable () -> Void) {
  do { try SystemThread.detach(name: "test", body) } catch { fatalError("\(error)") }
}

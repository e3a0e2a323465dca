import LinuxSupport
import Synchronization

/// Threads for blocking calls, which must not run on Swift's cooperative threads.
final class ThreadGroup: Sendable {
  private struct State {
    var running = 0
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  /// Starts a thread.
  /// - Parameter name: at most 15 bytes, for `top -H` and debuggers.
  /// - Throws: `FastCGIError.system` when the process may have no more threads.
  func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(FastCGIError) {
    state.withLock { $0.running += 1 }
    do {
      try SystemThread.detach(name: name) { [self] in
        body()
        threadEnded()
      }
    } catch {
      threadEnded()
      throw FastCGIError(error)
    }
  }

  /// Waits until every thread has ended.
  func ended() async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if state.running > 0 { state.waiting.append(continuation) }
        return state.running == 0
      }
      if isOver { continuation.resume() }
    }
  }

  private func threadEnded() {
    let waiting = state.withLock { state in
      state.running -= 1
      guard state.running == 0 else { return [CheckedContinuation<Void, Never>]() }
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }
}

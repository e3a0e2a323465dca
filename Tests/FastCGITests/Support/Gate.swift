import Glibc
import Synchronization
import Testing

/// An event that happens once, and that tasks wait for.
final class Gate: Sendable {
  private let state = Mutex((isOpen: false, waiting: [CheckedContinuation<Void, Never>]()))

  var isOpen: Bool { state.withLock { $0.isOpen } }

  func open() {
    let waiting = state.withLock { state in
      state.isOpen = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let isOpen = state.withLock { state in
        if !state.isOpen { state.waiting.append(continuation) }
        return state.isOpen
      }
      if isOpen { continuation.resume() }
    }
  }
}

/// Returns when the condition holds, of which there is no event to wait for. After a minute the test has failed.
///
/// It looks from a thread of its own: a task that asks again and again keeps the pool from those it waits for.
func eventually(_ condition: @escaping @Sendable () -> Bool) async {
  let deadline = ContinuousClock.now + .seconds(60)
  let holds = try? await onThread {
    while !condition() {
      if ContinuousClock.now > deadline { return false }
      usleep(200)
    }
    return true
  }
  if holds != true { Issue.record("it did not come to that within a minute") }
}

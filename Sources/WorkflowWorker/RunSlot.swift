import Synchronization

/// The slot of one run. The run needs it while a step works; while all of its steps wait, another run may use it.
final class RunSlot: Sendable {
  private struct State {
    var working = 0
    var waiting = 0
    var isGivenUp = false
  }

  private let slots: RunSlots
  private let onFree: @Sendable () -> Void
  private let state = Mutex(State())

  /// Acquires a slot.
  /// - Parameter onFree: called when another run may acquire the slot.
  init(of slots: RunSlots, onFree: @escaping @Sendable () -> Void) {
    self.slots = slots
    self.onFree = onFree
    slots.acquireNow()
  }

  /// Whether no step of the run works and one waits.
  var isWaiting: Bool { state.withLock { $0.working == 0 && $0.waiting > 0 } }

  /// Whether a step of the run waits.
  var hasWaiting: Bool { state.withLock { $0.waiting > 0 } }

  /// Counts a step that begins. If the run has given up its slot, it acquires one at once, also beyond the limit.
  func begin() {
    state.withLock { $0.working += 1 }
    if reclaim() { slots.acquireNow() }
  }

  /// Counts a step that ends. If all other steps of the run wait, the run gives up its slot.
  func end() {
    state.withLock { $0.working -= 1 }
    giveUpIfIdle()
  }

  /// Has a step wait for a time. The run may be without a slot meanwhile; it acquires one before this returns.
  /// - Throws: `CancellationError`, at once, when the task is cancelled.
  func wait(for duration: Duration) async throws {
    beginWait()
    defer {
      state.withLock { state in
        state.waiting -= 1
        state.working += 1
      }
    }
    try await Task.sleep(for: duration)
    guard state.withLock({ $0.isGivenUp }) else { return }
    try await slots.acquire()
    // Another step of the run may have been faster.
    if !reclaim() { slots.release() }
  }

  /// Releases the slot at the end of the run.
  func close() {
    if !reclaim() { slots.release() }
  }

  private func beginWait() {
    state.withLock { state in
      state.working -= 1
      state.waiting += 1
    }
    giveUpIfIdle()
  }

  /// Gives up the slot if no step of the run works and one waits.
  private func giveUpIfIdle() {
    let isIdle = state.withLock { $0.working == 0 && $0.waiting > 0 && !$0.isGivenUp }
    guard isIdle, slots.giveUp() else { return }
    state.withLock { $0.isGivenUp = true }
    onFree()
  }

  /// Marks the run as one that has a slot.
  /// - Returns: whether it had none until now.
  private func reclaim() -> Bool {
    let wasGivenUp = state.withLock { state in
      defer { state.isGivenUp = false }
      return state.isGivenUp
    }
    if wasGivenUp { slots.endWait() }
    return wasGivenUp
  }
}

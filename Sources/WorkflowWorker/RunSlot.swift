import Synchronization

/// The slot of one run: the run has it while one of its steps works, and may be without while all of them wait.
final class RunSlot: Sendable {
  private struct State {
    var working = 0
    var waiting = 0
    var isGivenUp = false
  }

  private let slots: RunSlots
  private let onFree: @Sendable () -> Void
  private let state = Mutex(State())

  /// Takes a slot.
  /// - Parameter onFree: called when another run may have it.
  init(of slots: RunSlots, onFree: @escaping @Sendable () -> Void) {
    self.slots = slots
    self.onFree = onFree
    slots.take()
  }

  /// Whether nothing of the run works and something waits.
  var isWaiting: Bool { state.withLock { $0.working == 0 && $0.waiting > 0 } }

  /// Whether a step of the run waits.
  var hasWaiting: Bool { state.withLock { $0.waiting > 0 } }

  /// Notes that a step begins. Where all others wait, it takes a slot beyond the limit rather than wait itself.
  func begin() {
    state.withLock { $0.working += 1 }
    if takeBack() { slots.take() }
  }

  /// Notes that a step ends. Where all others wait, the run leaves its slot.
  func end() {
    state.withLock { $0.working -= 1 }
    giveUpIfIdle()
  }

  /// Waits for a time, for a step that works.
  /// - Throws: at once when the task is cancelled.
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
    if !takeBack() { slots.release() }
  }

  /// Gives the slot back at the run's end.
  func close() {
    if !takeBack() { slots.release() }
  }

  private func beginWait() {
    state.withLock { state in
      state.working -= 1
      state.waiting += 1
    }
    giveUpIfIdle()
  }

  /// Leaves the slot to others while nothing of the run works and something waits.
  private func giveUpIfIdle() {
    let isIdle = state.withLock { $0.working == 0 && $0.waiting > 0 && !$0.isGivenUp }
    guard isIdle, slots.giveUp() else { return }
    state.withLock { $0.isGivenUp = true }
    onFree()
  }

  /// Returns whether the run was without a slot until now.
  private func takeBack() -> Bool {
    let wasGivenUp = state.withLock { state in
      defer { state.isGivenUp = false }
      return state.isGivenUp
    }
    if wasGivenUp { slots.endWait() }
    return wasGivenUp
  }
}

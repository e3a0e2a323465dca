import Synchronization

/// Limits how many runs work at once. A run whose steps all wait for a retry gives up its slot, and acquires one again
/// before it continues; such runs have precedence over runs in the queue.
final class RunSlots: Sendable {
  private struct State {
    /// Slots in use. A run that waits without a slot does not count.
    var taken = 0
    /// Runs that wait without a slot.
    var waiting = 0
    /// Runs that wait for a slot to continue, the oldest first.
    var returning: [(number: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    var lastNumber = 0
    /// Runs that were cancelled before they were added to `returning`.
    var cancelled = Set<Int>()
  }

  /// How many runs per slot may wait without one. A waiting run still takes memory and a lease.
  private static let waitingPerSlot = 10

  private let limit: Int
  private let state = Mutex(State())

  /// - Parameter limit: the number of slots.
  init(_ limit: Int) { self.limit = limit }

  /// How many slots are free.
  var free: Int { state.withLock { max(0, limit - $0.taken) } }

  /// Acquires a slot at once, also beyond the limit.
  func acquireNow() { state.withLock { $0.taken += 1 } }

  /// Releases a slot; the run that has waited longest for one acquires it.
  func release() {
    let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      state.taken -= 1
      guard state.taken < limit, !state.returning.isEmpty else { return nil }
      state.taken += 1
      return state.returning.removeFirst().continuation
    }
    next?.resume(returning: true)
  }

  /// Gives up the slot of a run that waits.
  /// - Returns: false when too many runs wait already, so that this run must keep its slot.
  func giveUp() -> Bool {
    let mayWait = state.withLock { state in
      guard state.waiting < limit * Self.waitingPerSlot else { return false }
      state.waiting += 1
      return true
    }
    if mayWait { release() }
    return mayWait
  }

  /// Counts a run that no longer waits without a slot.
  func endWait() { state.withLock { $0.waiting -= 1 } }

  /// Acquires a slot for a run that has given up its own; waits until one is free.
  /// - Throws: `CancellationError` when the task was cancelled; no slot is acquired then.
  func acquire() async throws {
    let number = state.withLock { state in
      state.lastNumber += 1
      return state.lastNumber
    }
    let isAcquired = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer = state.withLock { state -> Bool? in
          if state.cancelled.remove(number) != nil { return false }
          guard state.taken >= limit else {
            state.taken += 1
            return true
          }
          state.returning.append((number, continuation))
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      cancel(number)
    }
    state.withLock { _ = $0.cancelled.remove(number) }
    if !isAcquired { throw CancellationError() }
  }

  private func cancel(_ number: Int) {
    let continuation = state.withLock { state -> CheckedContinuation<Bool, Never>? in
      guard let index = state.returning.firstIndex(where: { $0.number == number }) else {
        state.cancelled.insert(number)
        return nil
      }
      return state.returning.remove(at: index).continuation
    }
    continuation?.resume(returning: false)
  }
}

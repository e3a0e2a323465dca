import Synchronization

/// How many runs work at once. A run whose steps only wait to try again gives its slot to another run, and acquires one
/// again before it goes on; those that come back so have precedence over runs in the queue.
final class RunSlots: Sendable {
  private struct State {
    /// Slots that runs have, those of runs that wait left out.
    var taken = 0
    /// Runs that wait without a slot.
    var waiting = 0
    /// Runs that want a slot again, the oldest first.
    var returning: [(number: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    var lastNumber = 0
    /// Those of `returning` that were cancelled before they came to stand there.
    var cancelled = Set<Int>()
  }

  /// A run that waits takes memory and a lease all the same.
  private static let waitingPerSlot = 10

  private let limit: Int
  private let state = Mutex(State())

  /// - Parameter limit: slots.
  init(_ limit: Int) { self.limit = limit }

  /// How many more runs may begin.
  var free: Int { state.withLock { max(0, limit - $0.taken) } }

  /// Takes a slot for a run that begins. There is one for a run that was claimed.
  func take() { state.withLock { $0.taken += 1 } }

  /// Gives a slot back; the run that has waited longest for one gets it.
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
  /// - Returns: false where so many runs wait already that this one must keep its slot.
  func giveUp() -> Bool {
    let mayWait = state.withLock { state in
      guard state.waiting < limit * RunSlots.waitingPerSlot else { return false }
      state.waiting += 1
      return true
    }
    if mayWait { release() }
    return mayWait
  }

  /// Notes that a run that waited without a slot does so no more.
  func endWait() { state.withLock { $0.waiting -= 1 } }

  /// Acquires a slot for a run that has given up its own.
  /// - Throws: when the task was cancelled; there is no slot then.
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

import Synchronization

/// The memory that the responses of all steps may take while they are read.
///
/// Short responses take none. A longer one takes all that it may need at once, before it is read on, so that no two
/// wait for each other; meanwhile its transfer pauses.
final class ResponseRoom: Sendable {
  /// Room for one response, given back when it is released.
  final class Lease: Sendable {
    private let room: ResponseRoom
    private let bytes: Int

    fileprivate init(_ room: ResponseRoom, _ bytes: Int) {
      self.room = room
      self.bytes = bytes
    }

    deinit { room.giveBack(bytes) }
  }

  private struct Waiting {
    let number: Int
    let bytes: Int
    let continuation: CheckedContinuation<Bool, Never>
  }

  private struct State {
    var left: Int
    var waiting: [Waiting] = []
    var count = 0
  }

  private let total: Int
  private let state: Mutex<State>

  /// Creates room for a number of bytes.
  init(bytes: Int) {
    total = bytes
    state = Mutex(State(left: bytes))
  }

  /// Takes room, after those who asked before. A response that may be larger than the whole takes the whole.
  /// - Returns: nil when the task was cancelled.
  func lease(_ bytes: Int) async -> Lease? {
    let bytes = min(bytes, total)
    let number = state.withLock { state in
      state.count += 1
      return state.count
    }
    let isTaken = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        enqueue(Waiting(number: number, bytes: bytes, continuation: continuation))
      }
    } onCancel: {
      let waiting = state.withLock { state -> Waiting? in
        guard let place = state.waiting.firstIndex(where: { $0.number == number }) else { return nil }
        return state.waiting.remove(at: place)
      }
      waiting?.continuation.resume(returning: false)
      admit()
    }
    return isTaken ? Lease(self, bytes) : nil
  }

  private func enqueue(_ waiting: Waiting) {
    // Asked under the lock: a cancellation before it has found nothing to remove.
    let isQueued = state.withLock { state in
      guard !Task.isCancelled else { return false }
      state.waiting.append(waiting)
      return true
    }
    if isQueued { admit() } else { waiting.continuation.resume(returning: false) }
  }

  private func giveBack(_ bytes: Int) {
    state.withLock { $0.left += bytes }
    admit()
  }

  /// Lets those in who are first and for whom there is room.
  private func admit() {
    let admitted = state.withLock { state in
      var admitted: [Waiting] = []
      while let first = state.waiting.first, first.bytes <= state.left {
        state.left -= first.bytes
        admitted.append(state.waiting.removeFirst())
      }
      return admitted
    }
    for waiting in admitted { waiting.continuation.resume(returning: true) }
  }
}

import EventLoop
import Synchronization
import WorkflowStore

/// The runs that this worker holds: who must be renewed, who must stop.
final class RunsInHand: Sendable {
  /// Why a run must stop before its end.
  enum Stop: Sendable {
    /// The worker stops: what is recorded stays, the rest goes back to the queue.
    case handBack
    /// Another worker may have it: nothing may be written any more.
    case lost
  }

  private struct Hand {
    let token: String
    var isSuspect: Bool
    let onFree: @Sendable () -> Void
    let slot: RunSlot
    var task: Task<Void, Never>?
    var stop: Stop?
  }

  private struct State {
    var hands: [JobID: Hand] = [:]
    /// Whether every run is to be handed back, also one that is taken from now on.
    var isStopping = false
  }

  private let state = Mutex(State())
  private let slots: RunSlots

  /// - Parameter limit: runs that work at once; runs that wait come on top.
  init(limit: Int) { slots = RunSlots(limit) }

  /// How many more runs may be taken.
  var room: Int { slots.free }

  /// How many runs are in hand.
  var count: Int { state.withLock { $0.hands.count } }

  /// Whether one of them is a suspect: a run whose next crash would end it, and that must be alone.
  var hasSuspect: Bool { state.withLock { $0.hands.values.contains { $0.isSuspect } } }

  /// Takes a run in hand and starts its task; the run is let go when the task ends.
  ///
  /// A newer claim of the same run replaces an older one, whose task is cancelled: nothing that it does can be recorded.
  /// - Parameters:
  ///   - isShort: whether its steps are gone through so fast that the thread which has brought it may do so.
  ///   - onFree: called when there is room for another: at its end, and when a suspect need not be alone any longer.
  /// - Returns: false when the run is in hand already, by this very claim.
  @discardableResult
  func take(
    _ run: HeldRun, isSuspect: Bool, isShort: Bool = false, _ body: @escaping @Sendable () async -> Void,
    onFree: @escaping @Sendable () -> Void = {}
  ) -> Bool {
    state.withLock { state in
      guard state.hands[run.id]?.token != run.token else { return false }
      state.hands[run.id]?.task?.cancel()
      let slot = RunSlot(of: slots, onFree: onFree)
      state.hands[run.id] = Hand(
        token: run.token, isSuspect: isSuspect, onFree: onFree, slot: slot, stop: state.isStopping ? .handBack : nil)
      state.hands[run.id]?.task = Task(executorPreference: isShort ? EventLoopExecutor.shared : nil) {
        await body()
        slot.close()
        self.letGo(run)
        onFree()
      }
      return true
    }
  }

  /// Notes that a suspect has recorded a checkpoint: its crashes count no longer, and it need not be alone.
  func acquit(_ run: HeldRun) {
    let onFree = state.withLock { state -> (@Sendable () -> Void)? in
      guard let hand = state.hands[run.id], hand.token == run.token, hand.isSuspect else { return nil }
      state.hands[run.id]?.isSuspect = false
      return hand.onFree
    }
    onFree?()
  }

  /// Whether the next crash of a run in hand would end it.
  func isSuspect(_ run: HeldRun) -> Bool {
    state.withLock { $0.hands[run.id].map { $0.token == run.token && $0.isSuspect } ?? false }
  }

  private func letGo(_ run: HeldRun) {
    state.withLock { state in
      if state.hands[run.id]?.token == run.token { state.hands[run.id] = nil }
    }
  }

  /// The runs whose leases are to be renewed.
  var held: [HeldRun] {
    state.withLock { state in
      state.hands.compactMap { id, hand in hand.stop == .lost ? nil : HeldRun(id: id, token: hand.token) }
    }
  }

  /// Why a run must stop, if it must. A run that is not in hand under this token is lost.
  func stop(of run: HeldRun) -> Stop? {
    state.withLock { state in
      guard let hand = state.hands[run.id], hand.token == run.token else { return .lost }
      return hand.stop
    }
  }

  /// Stops runs that the worker does not hold any more. Runs that have been taken anew since are left alone.
  /// - Returns: those that were in hand until now.
  func lose(_ lost: [HeldRun]) -> [HeldRun] {
    lost.filter { run in
      state.withLock { state in
        guard let hand = state.hands[run.id], hand.token == run.token, hand.stop != .lost else { return false }
        state.hands[run.id]?.stop = .lost
        hand.task?.cancel()
        return true
      }
    }
  }

  /// The slot of a run in hand.
  func slot(of run: HeldRun) -> RunSlot? {
    state.withLock { $0.hands[run.id].flatMap { $0.token == run.token ? $0.slot : nil } }
  }

  /// Has every run handed back of which nothing works and something waits to try again.
  func handBackWaiting() {
    state.withLock { state in
      for (id, hand) in state.hands where hand.stop == nil && hand.slot.isWaiting {
        state.hands[id]?.stop = .handBack
        hand.task?.cancel()
      }
    }
  }

  /// Has every run handed back, also one that is taken from now on.
  func handBackAll() {
    state.withLock { state in
      state.isStopping = true
      for (id, hand) in state.hands where hand.stop == nil {
        state.hands[id]?.stop = .handBack
        hand.task?.cancel()
      }
    }
  }

  /// Gives up every run that is left: nothing of it is written any more.
  func abandonAll() { _ = lose(held) }
}

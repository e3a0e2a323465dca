import LinuxSupport
import Synchronization
import WorkflowStore

/// The runs that this worker holds: which leases to renew, and which runs must stop.
final class ActiveRuns: Sendable {
  /// Why a run must stop before its end.
  enum Stop: Sendable {
    /// The worker stops: recorded steps stay recorded, and the run goes back to its queue.
    case handBack
    /// Another worker may hold the run: nothing of it may be written any more.
    case lost
  }

  private struct Entry {
    let token: String
    var isQuarantined: Bool
    let onSlotFree: @Sendable () -> Void
    let slot: RunSlot
    var task: Task<Void, Never>?
    var stop: Stop?
  }

  private struct State {
    var entries: [JobID: Entry] = [:]
    /// Whether every run is to be handed back, including runs that are acquired from now on.
    var isStopping = false
  }

  private let state = Mutex(State())
  private let slots: RunSlots

  /// - Parameter limit: how many runs work at once; runs that wait for a retry do not count.
  init(limit: Int) { slots = RunSlots(limit) }

  /// How many more runs may be acquired.
  var freeSlots: Int { slots.free }

  /// How many runs the worker holds.
  var count: Int { state.withLock { $0.entries.count } }

  /// Whether the worker holds a quarantined run: one more crash would end that run, so it runs alone.
  var hasQuarantined: Bool { state.withLock { $0.entries.values.contains { $0.isQuarantined } } }

  /// Acquires a slot for a run and starts its task; the slot is released when the task ends.
  ///
  /// A newer claim of the same run replaces an older one, whose task is cancelled: nothing that it does can be
  /// recorded.
  /// - Parameters:
  ///   - isShort: whether the run's steps take so little time that the thread which received the claim may run them.
  ///   - onSlotFree: called when the worker may acquire another run: when a slot is free again, and when the run leaves
  ///     quarantine.
  /// - Returns: false when the worker holds the run already, by this very claim.
  @discardableResult
  func acquire(
    _ run: HeldRun, isQuarantined: Bool, isShort: Bool = false, _ body: @escaping @Sendable () async -> Void,
    onSlotFree: @escaping @Sendable () -> Void = {}
  ) -> Bool {
    state.withLock { state in
      guard state.entries[run.id]?.token != run.token else { return false }
      state.entries[run.id]?.task?.cancel()
      let slot = RunSlot(of: slots, onFree: onSlotFree)
      state.entries[run.id] = Entry(
        token: run.token, isQuarantined: isQuarantined, onSlotFree: onSlotFree, slot: slot,
        stop: state.isStopping ? .handBack : nil)
      state.entries[run.id]?.task = Task(executorPreference: isShort ? ThreadExecutor.shared : nil) {
        await body()
        slot.close()
        self.release(run)
        onSlotFree()
      }
      return true
    }
  }

  private func release(_ run: HeldRun) {
    state.withLock { state in
      if state.entries[run.id]?.token == run.token { state.entries[run.id] = nil }
    }
  }

  /// Takes a run out of quarantine, because one of its steps is recorded: its earlier crashes do not count any more.
  func clear(_ run: HeldRun) {
    let onSlotFree = state.withLock { state -> (@Sendable () -> Void)? in
      guard let entry = state.entries[run.id], entry.token == run.token, entry.isQuarantined else { return nil }
      state.entries[run.id]?.isQuarantined = false
      return entry.onSlotFree
    }
    onSlotFree?()
  }

  /// The runs whose leases are to be renewed.
  var held: [HeldRun] {
    state.withLock { state in
      state.entries.compactMap { id, entry in entry.stop == .lost ? nil : HeldRun(id: id, token: entry.token) }
    }
  }

  /// Why a run must stop, if it must. A run that the worker does not hold under this token is lost.
  func stop(of run: HeldRun) -> Stop? {
    state.withLock { state in
      guard let entry = state.entries[run.id], entry.token == run.token else { return .lost }
      return entry.stop
    }
  }

  /// Stops runs whose leases the worker has lost. Runs that it has claimed again since are not touched.
  /// - Returns: the runs that the worker held until now.
  func markLost(_ lost: [HeldRun]) -> [HeldRun] {
    lost.filter { run in
      state.withLock { state in
        guard let entry = state.entries[run.id], entry.token == run.token, entry.stop != .lost else { return false }
        state.entries[run.id]?.stop = .lost
        entry.task?.cancel()
        return true
      }
    }
  }

  /// The slot of a run that the worker holds.
  func slot(of run: HeldRun) -> RunSlot? {
    state.withLock { $0.entries[run.id].flatMap { $0.token == run.token ? $0.slot : nil } }
  }

  /// Stops every run of which no step works and a step waits for a retry, to be handed back.
  func handBackWaiting() {
    state.withLock { state in
      for (id, entry) in state.entries where entry.stop == nil && entry.slot.isWaiting {
        state.entries[id]?.stop = .handBack
        entry.task?.cancel()
      }
    }
  }

  /// Stops every run, to be handed back; also every run that is acquired from now on.
  func handBackAll() {
    state.withLock { state in
      state.isStopping = true
      for (id, entry) in state.entries where entry.stop == nil {
        state.entries[id]?.stop = .handBack
        entry.task?.cancel()
      }
    }
  }

  /// Gives up every run that the worker still holds: nothing of them is written any more.
  func abandonAll() { _ = markLost(held) }
}

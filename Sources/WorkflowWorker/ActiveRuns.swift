import LinuxSupport
import Synchronization
import WorkflowStore

/// The runs that this worker holds: which leases to renew, and which runs must stop.
final class ActiveRuns: Sendable {
  /// Why a run must stop before its end.
  enum Stop: Sendable {
    /// The worker stops: recorded steps stay recorded, and the run goes back to its queue.
    case handBack
    /// The run is paused: it goes back when its steps under way have ended.
    case pause
    /// The run has ended, or another worker may hold it: nothing of it may be written any more.
    case lost
  }

  /// A run that the worker holds by one claim.
  final class Entry: Sendable {
    private struct State {
      var isQuarantined: Bool
      var task: Task<Void, Never>?
      var stop: Stop?
    }

    fileprivate let token: String
    fileprivate let onSlotFree: @Sendable () -> Void
    private let state: Mutex<State>

    fileprivate init(
      _ run: HeldRun, isQuarantined: Bool, stop: Stop?, onSlotFree: @escaping @Sendable () -> Void
    ) {
      token = run.token
      self.onSlotFree = onSlotFree
      state = Mutex(State(isQuarantined: isQuarantined, stop: stop))
    }

    /// Why the run must stop, if it must.
    var stop: Stop? { state.withLock { $0.stop } }

    fileprivate var isQuarantined: Bool { state.withLock { $0.isQuarantined } }

    /// Whether the run was in quarantine until now.
    fileprivate func clear() -> Bool {
      state.withLock { state in
        defer { state.isQuarantined = false }
        return state.isQuarantined
      }
    }

    fileprivate func begin(_ task: Task<Void, Never>) { state.withLock { $0.task = task } }

    /// Stops the run; a lost run stays lost. What is under way is cancelled, unless the run is only paused.
    /// - Returns: whether this changed anything.
    @discardableResult
    fileprivate func stop(_ reason: Stop) -> Bool {
      let task = state.withLock { state -> Task<Void, Never>?? in
        guard state.stop == nil || reason == .lost && state.stop != .lost || reason == .handBack && state.stop == .pause
        else { return nil }
        state.stop = reason
        return .some(state.task)
      }
      if reason != .pause { task??.cancel() }
      return task != nil
    }
  }

  private struct State {
    var entries: [JobID: Entry] = [:]
    /// How many tasks of runs there are.
    var tasks = 0
    /// Whether every run is to be handed back, including runs that are acquired from now on.
    var isStopping = false
  }

  private let state = Mutex(State())
  private let limit: Int

  /// - Parameter limit: how many runs the worker executes at once.
  init(limit: Int) { self.limit = limit }

  /// How many more runs may be acquired.
  var freeSlots: Int { state.withLock { max(0, limit - $0.tasks) } }

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
      let older = state.entries[run.id]
      guard older?.token != run.token else { return false }
      older?.stop(.lost)
      let entry = Entry(
        run, isQuarantined: isQuarantined, stop: state.isStopping ? .handBack : nil, onSlotFree: onSlotFree)
      state.entries[run.id] = entry
      state.tasks += 1
      entry.begin(
        Task(executorPreference: isShort ? ThreadExecutor.shared : nil) {
          await body()
          self.release(run)
          onSlotFree()
        })
      return true
    }
  }

  private func release(_ run: HeldRun) {
    state.withLock { state in
      state.tasks -= 1
      if state.entries[run.id]?.token == run.token { state.entries[run.id] = nil }
    }
  }

  /// Takes a run out of quarantine, because one of its steps is recorded: its earlier crashes do not count any more.
  func clear(_ run: HeldRun) {
    if let entry = entry(of: run), entry.clear() { entry.onSlotFree() }
  }

  /// The runs whose leases are to be renewed.
  var held: [HeldRun] {
    state.withLock { state in
      state.entries.compactMap { id, entry in entry.stop == .lost ? nil : HeldRun(id: id, token: entry.token) }
    }
  }

  /// A run that the worker holds under this token; nil when it does not.
  func entry(of run: HeldRun) -> Entry? {
    state.withLock { $0.entries[run.id].flatMap { $0.token == run.token ? $0 : nil } }
  }

  /// Why a run must stop, if it must. A run that the worker does not hold under this token is lost.
  func stop(of run: HeldRun) -> Stop? {
    guard let entry = entry(of: run) else { return .lost }
    return entry.stop
  }

  /// Stops runs whose leases the worker has lost. Runs that it has claimed again since are not touched.
  /// - Returns: the runs that the worker held until now.
  func markLost(_ lost: [HeldRun]) -> [HeldRun] { lost.filter { entry(of: $0)?.stop(.lost) == true } }

  /// Pauses a run that the worker holds: it starts no further step, and goes back when those under way have ended.
  func pause(_ run: HeldRun) { entry(of: run)?.stop(.pause) }

  /// Stops every run, to be handed back; also every run that is acquired from now on.
  func handBackAll() {
    state.withLock { state in
      state.isStopping = true
      for entry in state.entries.values { entry.stop(.handBack) }
    }
  }

  /// Gives up every run that the worker still holds: nothing of them is written any more.
  func abandonAll() { _ = markLost(held) }
}

/// Which steps of a run have ended, and which may start next.
///
/// Linear over the whole run: the end of a step costs as much as the step has dependents.
public struct Plan: Sendable {
  /// How a step has ended.
  public enum Outcome: Sendable, Equatable {
    /// Its outputs are recorded.
    case done
    /// It did not run and does not fail the run: its condition does not hold, or a step that it waits for has not ended
    /// as it must.
    case skipped
    /// It has failed. `isOptional`: its failure does not fail the run.
    case failed(isOptional: Bool)
    /// It cannot run because another step has failed.
    case blocked

    fileprivate func satisfies(_ trigger: Need.Trigger) -> Bool {
      switch (self, trigger) {
      case (_, .any), (.done, .done), (.skipped, .done), (.failed, .failed), (.blocked, .failed): true
      case (.failed(let isOptional), .done): isOptional
      case (.done, .failed), (.skipped, .failed), (.blocked, .done): false
      }
    }
  }

  /// The graph that the plan follows.
  public let graph: StepGraph
  /// Whether nothing more starts once a step has failed, but for steps that wait for a failure.
  private let failsFast: Bool
  private var outcomes: [Outcome?]
  /// Of how many dependencies the outcome is not known.
  private var waitingFor: [Int]
  private var ready: [Int] = []
  private var nextReady = 0
  /// Whether a step has been taken and has not ended.
  private var isOpen: [Bool]
  /// Whether a step had been taken when another one failed: it ends all the same.
  private var hadBegun: [Bool]
  /// Taken steps whose next attempt waits, and until when.
  private var waiting: [Int: Timestamp] = [:]
  /// How many steps have an outcome.
  private var ended = 0
  /// Steps that were skipped because another one has not ended as it must.
  private var skipped: [Int] = []
  /// How many steps have been taken and have not ended.
  public private(set) var open = 0
  /// Whether a step has failed, and with it the run.
  public private(set) var hasFailed = false

  /// Creates a plan for a run.
  /// - Parameters:
  ///   - recorded: how steps have ended, by id, as it is recorded: they never run again.
  ///   - begun: ids of the steps that had been taken when another one failed, as it is recorded.
  ///   - failsFast: whether nothing more starts once a step has failed, but for steps that wait for a failure.
  public init(
    _ graph: StepGraph, recorded: [String: Outcome] = [:], begun: Set<String> = [], failsFast: Bool = true
  ) {
    self.graph = graph
    self.failsFast = failsFast
    isOpen = Array(repeating: false, count: graph.ids.count)
    hadBegun = begun.isEmpty ? isOpen : graph.ids.map(begun.contains)
    outcomes = Array(repeating: nil, count: graph.ids.count)
    waitingFor = graph.dependencies.map { $0.count }
    if !recorded.isEmpty { restore(graph.ids.map { recorded[$0] }) }
    findReady()
  }

  private mutating func findReady() {
    ready = []
    nextReady = 0
    for position in graph.ids.indices where waitingFor[position] == 0 && outcomes[position] == nil && !isOpen[position]
    {
      guard let outcome = verdict(on: position) else {
        ready.append(position)
        continue
      }
      if outcome == .skipped { skipped.append(position) }
      end(position, outcome)
    }
    ready.sort()
    if hasFailed { blockOthers() }
  }

  private mutating func restore(_ recorded: [Outcome?]) {
    outcomes = recorded
    ended = outcomes.count { $0 != nil }
    hasFailed = outcomes.contains(.failed(isOptional: false))
    for position in graph.ids.indices {
      waitingFor[position] = graph.dependencies[position].count { outcomes[$0] == nil }
    }
  }

  /// How a step has ended; nil while it has not.
  public func outcome(of position: Int) -> Outcome? { outcomes[position] }

  /// Whether every step has ended, and none has failed the run.
  public var isComplete: Bool { isOver && !hasFailed }

  /// Whether the run is over: every step has ended or will not start.
  public var isOver: Bool { ended == graph.ids.count }

  // MARK: Starting steps

  /// Takes the next step that may start; nil when none may start now.
  public mutating func takeReady() -> Int? {
    while nextReady < ready.count {
      let position = ready[nextReady]
      nextReady += 1
      guard outcomes[position] == nil, !isOpen[position] else { continue }
      isOpen[position] = true
      open += 1
      return position
    }
    return nil
  }

  /// Returns the step that was taken last: it starts later.
  public mutating func putBack() {
    nextReady -= 1
    close(ready[nextReady])
  }

  /// Has a step that was taken, or that was attempted before the plan began, wait for its next attempt. One that has
  /// ended or cannot run any more does not wait.
  public mutating func wait(_ position: Int, until due: Timestamp) {
    guard outcomes[position] == nil else { return }
    if !isOpen[position] {
      isOpen[position] = true
      open += 1
    }
    waiting[position] = due
  }

  /// When the next waiting step may start; nil when none waits.
  public var nextDue: Timestamp? { waiting.isEmpty ? nil : waiting.values.min() }

  /// Whether no step is taken or may start but those that wait.
  public var onlyWaits: Bool {
    !waiting.isEmpty && open == waiting.count
      && !ready[nextReady...].contains { outcomes[$0] == nil && !isOpen[$0] }
  }

  /// Lets the waiting steps start whose time has come.
  public mutating func wake(at now: Timestamp) {
    if waiting.isEmpty { return }
    for (position, _) in waiting.filter({ $0.value <= now }).sorted(by: { $0.key < $1.key }) {
      waiting[position] = nil
      close(position)
      ready.append(position)
    }
  }

  /// Has a taken step wait no more; it stays taken.
  public mutating func resume(_ position: Int) { waiting[position] = nil }

  /// Takes the steps that wait although the failure of another one keeps them from starting; they count as taken.
  public mutating func takeBlockedWaits() -> [Int] {
    if waiting.isEmpty || !hasFailed { return [] }
    let blocked = waiting.keys.filter(isBlockedByFailure).sorted()
    for position in blocked { waiting[position] = nil }
    return blocked
  }

  /// Whether the failure of another step keeps a step that was taken from going further.
  public func isStopped(_ position: Int) -> Bool { hasFailed && failsFast && !graph.waitsForFailure(position) }

  /// Returns a step that was taken and has not started: it starts later, if it still may.
  public mutating func cancel(_ position: Int) {
    close(position)
    if let outcome = verdict(on: position) { end(position, outcome) } else { ready.append(position) }
  }

  private mutating func close(_ position: Int) {
    isOpen[position] = false
    open -= 1
  }

  // MARK: Ends

  /// Marks a step that was taken as ended; its dependents may start when they wait for no other.
  public mutating func end(taken position: Int, _ outcome: Outcome) {
    close(position)
    end(position, outcome)
  }

  /// Marks a step that was taken as succeeded.
  public mutating func succeed(_ position: Int) { end(taken: position, .done) }

  /// Marks a step that was taken as failed.
  public mutating func fail(_ position: Int) { end(taken: position, .failed(isOptional: false)) }

  /// Takes the steps that were skipped, since the last call, because another one has not ended as they need it.
  public mutating func takeSkipped() -> [Int] {
    defer { skipped = [] }
    return skipped
  }

  /// The ids of the steps that have been taken, have not ended, and do not wait.
  public var openSteps: [String] {
    graph.ids.indices.filter { isOpen[$0] && waiting[$0] == nil }.map { graph.ids[$0] }
  }

  /// Marks steps that had succeeded as failed, because their results cannot be recorded. What their dependents did is
  /// undone.
  /// - Parameters:
  ///   - failed: the steps, and whether each is optional.
  ///   - dependents: every step that waits for them, at once or by way of others.
  public mutating func revoke(_ failed: [(position: Int, isOptional: Bool)], dependents: Set<Int>) {
    var kept = outcomes
    // What a failure blocked that is undone may start after all.
    for position in kept.indices where kept[position] == .blocked || dependents.contains(position) {
      kept[position] = nil
    }
    for (position, isOptional) in failed { kept[position] = .failed(isOptional: isOptional) }
    skipped.removeAll(where: dependents.contains)
    // Steps that wait, and steps whose items are under way.
    for position in dependents.union(failed.map(\.position)) where isOpen[position] {
      waiting[position] = nil
      close(position)
    }
    restore(kept)
    findReady()
  }

  /// Sets the outcome of a step, and of the steps that then will not start.
  private mutating func end(_ position: Int, _ outcome: Outcome) {
    var ends = [(position, outcome)]
    while let (position, outcome) = ends.popLast() {
      guard outcomes[position] == nil else { continue }
      outcomes[position] = outcome
      ended += 1
      if outcome == .failed(isOptional: false), !hasFailed {
        hasFailed = true
        blockOthers()
      }
      for dependent in graph.dependents[position] {
        waitingFor[dependent] -= 1
        guard waitingFor[dependent] == 0, outcomes[dependent] == nil else { continue }
        guard let outcome = verdict(on: dependent) else {
          ready.append(dependent)
          continue
        }
        ends.append((dependent, outcome))
        if outcome == .skipped { skipped.append(dependent) }
      }
    }
  }

  /// How a step ends without being started, once all that it waits for has ended; nil when it may start.
  private func verdict(on position: Int) -> Outcome? {
    if !hasFailed, graph.triggers.isEmpty { return nil }
    if isBlockedByFailure(position) { return .blocked }
    var isSkipped = false
    for (index, dependency) in graph.dependencies[position].enumerated() {
      let trigger = graph.trigger(of: position, index)
      guard let outcome = outcomes[dependency], !outcome.satisfies(trigger) else { continue }
      if trigger == .done { return .blocked }
      isSkipped = true
    }
    return isSkipped ? .skipped : nil
  }

  private func isBlockedByFailure(_ position: Int) -> Bool {
    hasFailed && failsFast && !graph.waitsForFailure(position) && !hadBegun[position]
  }

  /// Ends every step that has not been taken and that the failure of another one keeps from starting.
  private mutating func blockOthers() {
    for position in graph.ids.indices
    where outcomes[position] == nil && !isOpen[position] && isBlockedByFailure(position) { end(position, .blocked) }
  }
}

/// Which steps of a run are done, and which may start next.
///
/// Linear over the whole run: the end of a step costs as much as the step has dependents.
public struct Plan: Sendable {
  /// The graph that the plan follows.
  public let graph: StepGraph
  private var waitingFor: [Int]
  private var ready: [Int]
  private var nextReady = 0
  /// How many steps have been taken and have neither succeeded nor failed.
  public private(set) var open = 0
  /// How many steps are done.
  public private(set) var done = 0
  /// Whether a step has failed, after which nothing new starts.
  public private(set) var hasFailed = false

  /// Creates a plan for a run.
  /// - Parameter recorded: ids of the steps whose outputs are recorded already; they never run again.
  public init(_ graph: StepGraph, recorded: Set<String> = []) {
    self.graph = graph
    if recorded.isEmpty {
      waitingFor = graph.dependencies.map { $0.count }
      ready = waitingFor.indices.filter { [waitingFor] in waitingFor[$0] == 0 }
      return
    }
    let isDone = graph.ids.map(recorded.contains)
    waitingFor = graph.dependencies.map { needed in needed.count { !isDone[$0] } }
    ready = []
    for position in graph.ids.indices where !isDone[position] && waitingFor[position] == 0 { ready.append(position) }
    done = isDone.count { $0 }
  }

  /// Takes the next step that may start; nil when none may start now.
  public mutating func takeReady() -> Int? {
    guard !hasFailed, nextReady < ready.count else { return nil }
    defer { nextReady += 1 }
    open += 1
    return ready[nextReady]
  }

  /// Returns the step that was taken last: it starts later.
  public mutating func putBack() {
    nextReady -= 1
    open -= 1
  }

  /// Marks a step as succeeded; its dependents may start when they wait for no other.
  public mutating func succeed(_ position: Int) {
    open -= 1
    done += 1
    for dependent in graph.dependents[position] {
      waitingFor[dependent] -= 1
      if waitingFor[dependent] == 0 { ready.append(dependent) }
    }
  }

  /// Marks a step as failed.
  public mutating func fail(_ position: Int) {
    open -= 1
    hasFailed = true
  }

  /// Marks a step that was taken as one that will not start.
  public mutating func cancel(_ position: Int) { open -= 1 }

  /// Marks a step that had succeeded as failed, because its result cannot be recorded.
  public mutating func revoke(_ position: Int) {
    done -= 1
    hasFailed = true
  }

  /// Whether every step is done.
  public var isComplete: Bool { done == graph.ids.count }

  /// Whether the run is over: every step is done, or one has failed and no other is open.
  public var isOver: Bool { isComplete || (hasFailed && open == 0) }
}

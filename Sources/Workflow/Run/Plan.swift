/// What a run may do next: a pure record of which steps are done, under way and still waiting.
///
/// Linear over the whole run: finishing a step costs as much as it has dependents.
public struct Plan: Sendable {
  /// The graph that the plan follows.
  public let graph: StepGraph
  private var waitingFor: [Int]
  private var ready: [Int]
  private var nextReady = 0
  /// How many steps run now.
  public private(set) var underWay = 0
  /// How many steps are done.
  public private(set) var done = 0
  /// Whether a step has failed, after which nothing new starts.
  public private(set) var hasFailed = false

  /// A plan for a run.
  /// - Parameter recorded: ids of the steps whose outputs are recorded already; they never run again.
  public init(_ graph: StepGraph, recorded: Set<String> = []) {
    self.graph = graph
    if recorded.isEmpty {
      waitingFor = graph.dependencies.map(\.count)
      ready = waitingFor.indices.filter { [waitingFor] in waitingFor[$0] == 0 }
      return
    }
    let isDone = graph.ids.map(recorded.contains)
    waitingFor = graph.dependencies.map { needed in needed.count { !isDone[$0] } }
    ready = []
    for position in graph.ids.indices where !isDone[position] && waitingFor[position] == 0 { ready.append(position) }
    done = isDone.count { $0 }
  }

  /// Takes the next step that may start, and counts it as under way; nil when none may now.
  public mutating func takeReady() -> Int? {
    guard !hasFailed, nextReady < ready.count else { return nil }
    defer { nextReady += 1 }
    underWay += 1
    return ready[nextReady]
  }

  /// Returns the step that was taken last: it starts later.
  public mutating func putBack() {
    nextReady -= 1
    underWay -= 1
  }

  /// Notes that a step under way has succeeded; its dependents may have become ready.
  public mutating func succeed(_ position: Int) {
    underWay -= 1
    done += 1
    for dependent in graph.dependents[position] {
      waitingFor[dependent] -= 1
      if waitingFor[dependent] == 0 { ready.append(dependent) }
    }
  }

  /// Notes that a step under way has failed.
  public mutating func fail(_ position: Int) {
    underWay -= 1
    hasFailed = true
  }

  /// Notes that a step which was taken has not begun, and will not.
  public mutating func cancel(_ position: Int) { underWay -= 1 }

  /// Notes that a step which had succeeded has failed after all, because what it returned cannot be recorded.
  public mutating func revoke(_ position: Int) {
    done -= 1
    hasFailed = true
  }

  /// Whether every step is done.
  public var isComplete: Bool { done == graph.ids.count }

  /// Whether the run is over: complete, or failed with nothing under way any more.
  public var isOver: Bool { isComplete || (hasFailed && underWay == 0) }
}

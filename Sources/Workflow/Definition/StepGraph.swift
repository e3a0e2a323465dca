/// The steps of a workflow as a graph: who waits for whom, by position in the definition.
public struct StepGraph: Sendable, Equatable {
  /// The ids by position.
  public let ids: [String]
  /// The positions that each step waits for.
  public let dependencies: [[Int]]
  /// The positions that wait for each step.
  public let dependents: [[Int]]
  /// How each of its dependencies must have ended for a step to start; empty where all must be `done`.
  let triggers: [[Need.Trigger]]

  /// A graph of steps; dependencies on ids that are not there are left out (the validation reports them).
  /// - Parameter steps: ids with what they depend on; of two equal ids the first counts.
  public init(_ steps: [(id: String, dependencies: [Need])]) {
    let positions = Dictionary(steps.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    let dependencies = steps.map { step in step.dependencies.compactMap { positions[$0.step] } }
    let isPlain = steps.allSatisfy { $0.dependencies.allSatisfy { $0.trigger == .done } }
    triggers =
      isPlain ? [] : steps.map { step in step.dependencies.filter { positions[$0.step] != nil }.map(\.trigger) }
    var dependents = [[Int]](repeating: [], count: steps.count)
    for (position, needed) in dependencies.enumerated() {
      for dependency in needed { dependents[dependency].append(position) }
    }
    ids = steps.map(\.id)
    self.dependencies = dependencies
    self.dependents = dependents
  }

  /// How a dependency of a step must have ended for the step to start.
  func trigger(of position: Int, _ dependency: Int) -> Need.Trigger {
    triggers.isEmpty ? .done : triggers[position][dependency]
  }

  /// Whether a step waits for the end of another one that need not be `done`.
  func waitsForFailure(_ position: Int) -> Bool {
    !triggers.isEmpty && triggers[position].contains { $0 != .done }
  }

  /// The graph of a valid definition.
  public init(_ steps: [StepDefinition]) { self.init(steps.map { ($0.id, $0.dependencies) }) }

  /// An order in which every step comes after those it waits for, or nil when there is a cycle.
  ///
  /// Kahn's algorithm (CACM 5, 1962): linear in steps and dependencies; among the free ones the first written is first.
  public var topologicalOrder: [Int]? {
    var waiting = dependencies.map(\.count)
    var order = waiting.indices.filter { waiting[$0] == 0 }
    var next = 0
    while next < order.count {
      for dependent in dependents[order[next]] {
        waiting[dependent] -= 1
        if waiting[dependent] == 0 { order.append(dependent) }
      }
      next += 1
    }
    return order.count == ids.count ? order : nil
  }

  /// Every position that waits for one of these, at once or by way of others.
  public func allDependents(of positions: some Sequence<Int>) -> Set<Int> {
    var found = Set<Int>()
    var open = Array(positions)
    while let position = open.popLast() {
      open += dependents[position].filter { found.insert($0).inserted }
    }
    return found
  }

  /// Cycles of the graph, each as the way round: first and last position are the same. At least one is found
  /// when there is any, and at most `limit` are named.
  ///
  /// Depth-first search with an explicit stack; an edge to a step on the stack closes a cycle.
  public func cycles(limit: Int = 10) -> [[Int]] {
    enum Mark { case unseen, onPath, left }
    var marks = [Mark](repeating: .unseen, count: ids.count)
    var found: [[Int]] = []
    for start in ids.indices where marks[start] == .unseen {
      var path: [(position: Int, edge: Int)] = [(start, 0)]
      marks[start] = .onPath
      while let (position, edge) = path.last, found.count < limit {
        guard edge < dependencies[position].count else {
          marks[position] = .left
          path.removeLast()
          continue
        }
        path[path.count - 1].edge += 1
        let next = dependencies[position][edge]
        switch marks[next] {
        case .unseen:
          marks[next] = .onPath
          path.append((next, 0))
        case .onPath:
          let loop = path.map(\.position).drop { $0 != next }
          found.append(Array(loop) + [next])
        case .left: break
        }
      }
    }
    return found
  }
}

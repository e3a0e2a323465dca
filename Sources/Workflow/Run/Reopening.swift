/// Which steps of an ended run are run again.
public enum Reopening: Sendable, Equatable {
  /// Those that have failed the run, and what depends on them; whatever has not been run yet follows by itself.
  case failed
  /// A step, and what depends on it; those that have failed the run as well.
  case from(String)

  /// The step that is named; empty for none.
  public var step: String { if case .from(let step) = self { step } else { "" } }

  /// The positions of the steps whose records go.
  /// - Parameters:
  ///   - graph: the steps.
  ///   - failed: those that have failed the run.
  /// - Returns: the steps that are named or have failed, and all that go; nil when there is no such step.
  public func steps(of graph: StepGraph, failed: Set<Int>) -> (named: Set<Int>, all: Set<Int>)? {
    var named = failed
    if case .from(let id) = self {
      guard let position = graph.ids.firstIndex(of: id) else { return nil }
      named.insert(position)
    }
    return (named, named.union(graph.allDependents(of: named)))
  }
}

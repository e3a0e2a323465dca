import ExactJSON
import WorkflowStore

/// The values that a run has stored, by namespace in the order of first use.
struct StoredValues {
  /// The names of the steps and items that stored a value, by namespace.
  private(set) var steps: [(namespace: String, steps: [String])] = []
  /// How many values were stored.
  private(set) var count = 0
  /// The index of each namespace in `steps`.
  private var indices: [ExactKey: Int] = [:]

  /// Removes the values of steps and of their items; a later value takes none of their places.
  mutating func remove(_ removed: Set<String>) {
    for index in steps.indices { steps[index].steps.removeAll { removed.contains(StepUnit(name: $0).step) } }
  }

  /// How many values a namespace has.
  func count(in namespace: String) -> Int { indices[ExactKey(namespace)].map { steps[$0].steps.count } ?? 0 }

  /// Adds a value.
  mutating func add(_ namespace: String, step: String) {
    count += 1
    let index = indices[ExactKey(namespace), default: steps.count]
    if index == steps.count {
      indices[ExactKey(namespace)] = index
      steps.append((namespace, []))
    }
    steps[index].steps.append(step)
  }
}

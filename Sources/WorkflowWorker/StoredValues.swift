import ExactJSON
import WorkflowStore

/// The values that a run has stored, by namespace in the order of first use.
struct StoredValues {
  /// The names of the steps and items that stored a value, by namespace.
  private(set) var steps: [(namespace: String, steps: [String])] = []
  /// The place of the next value among all that the run stores.
  private(set) var nextOrder = 0
  /// The number of the last value of each of these namespaces.
  private var numbers: [Int] = []
  /// The index of each namespace in `steps`.
  private var indices: [ExactKey: Int] = [:]

  /// Removes the values of steps and of their items; a later value takes none of their places.
  mutating func remove(_ removed: Set<String>) {
    for index in steps.indices {
      let before = steps[index].steps.count
      steps[index].steps.removeAll { removed.contains(StepUnit(name: $0).step) }
      numbers[index] -= before - steps[index].steps.count
    }
  }

  /// The number that the next value of a namespace has: `items` in the outputs of the step that stores it.
  func nextNumber(in namespace: String) -> Int { (indices[ExactKey(namespace)].map { numbers[$0] } ?? 0) + 1 }

  /// Adds a value.
  mutating func add(_ namespace: String, step: String) {
    nextOrder += 1
    let index = indices[ExactKey(namespace), default: steps.count]
    if index == steps.count {
      indices[ExactKey(namespace)] = index
      steps.append((namespace, []))
      numbers.append(0)
    }
    steps[index].steps.append(step)
    numbers[index] += 1
  }

  /// Adds a value that was recorded before. Of a run that is run again, earlier ones may be gone: those that are left
  /// keep their numbers and places.
  /// - Parameter outputs: those of the step, where they are recorded.
  mutating func restore(_ value: ClaimedRun.StoredValue, outputs: JSONObject?) {
    add(value.namespace, step: value.unit.name)
    nextOrder = max(nextOrder, value.order + 1)
    let own = value.unit.item.map { outputs?["items"]?.arrayValue?[at: $0]?.objectValue } ?? outputs
    guard let number = own?["items"]?.numberValue?.int, let index = indices[ExactKey(value.namespace)] else { return }
    numbers[index] = max(numbers[index], number)
  }
}

extension [JSONValue] {
  /// An element, if there is one at this index.
  fileprivate subscript(at index: Int) -> JSONValue? { indices.contains(index) ? self[index] : nil }
}

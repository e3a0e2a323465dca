/// Shows the results of calls of models by model, in the order of the models, each as soon as that order allows.
struct ProbeRows {
  private var kept: [[ModelProbe.Result]]
  private var isOver: [Bool]
  /// The first model that has not ended.
  private var first = 0

  /// - Parameter models: how many there are.
  init(models: Int) {
    kept = Array(repeating: [], count: models)
    isOver = Array(repeating: false, count: models)
  }

  /// Takes the result of a call.
  /// - Parameters:
  ///   - place: which model it is of.
  ///   - isLast: whether no other call of that model follows.
  mutating func add(
    _ result: ModelProbe.Result, of place: Int, isLast: Bool, _ show: (ModelProbe.Result) -> Void
  ) {
    kept[place].append(result)
    isOver[place] = isLast
    while first < kept.count {
      for result in kept[first] { show(result) }
      kept[first] = []
      guard isOver[first] else { return }
      first += 1
    }
  }
}

import ModelServer
import SeededRandom
import SystemHarness

/// What a model does that is mostly well: it answers after a moment, and now and then fails in a way that passes.
enum ModelBehaviours {
  /// So many in a row.
  static func random(_ count: Int, seed: UInt64) -> [ModelServer.Behaviour] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in next(&generator) }
  }

  /// So few failures that four in a row, which fail a step, do not happen.
  private static func next(_ generator: inout SeededGenerator) -> ModelServer.Behaviour {
    switch Int.random(in: 0..<1_000, using: &generator) {
    case 0..<4: .status(500)
    case 4..<8: .status(429, headers: [("Retry-After", "0")])
    case 8..<10: .status(429, headers: [("Retry-After", "2")])
    case 10..<12: .hangUp
    case 12..<15: .dieInTheMiddle
    // Longer than a lease, and than a worker that stops may wait.
    case 15..<25: .slow(.milliseconds(Int.random(in: 2_000...5_000, using: &generator)))
    default: .slow(.milliseconds(Int.random(in: 20...150, using: &generator)))
    }
  }
}

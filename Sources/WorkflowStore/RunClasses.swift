import Hiredis
import Synchronization

/// The classes of runs, as far as a worker's claims have told it: runs that need the same operations are of one class.
public final class RunClasses: Sendable {
  private struct State {
    /// How many classes there were at the last read.
    var count = 0
    /// Those whose operations the worker has.
    var served: [String] = []
    /// Operations that runs may need and that the worker does not have, and that are not logged yet.
    var missing: Set<String> = []
    var known: Set<String> = []
  }

  private let operations: Set<String>
  private let state = Mutex(State())

  /// - Parameter operations: the names of the operations that the worker has.
  public init(_ operations: Set<String>) { self.operations = operations }

  /// The operations that runs may need and that the worker does not have; each is told once.
  public func takeMissing() -> [String] {
    state.withLock { state in
      defer { state.missing = [] }
      return state.missing.sorted()
    }
  }

  /// The classes that the worker serves, and how many there were when it last looked.
  var served: (classes: [String], count: Int) { state.withLock { ($0.served, $0.count) } }

  /// Takes note of all classes there are: each class, and the operations that its runs need.
  func learn(_ words: [String]) {
    state.withLock { state in
      state.count = words.count / 2
      for index in stride(from: 0, to: words.count - 1, by: 2) where state.known.insert(words[index]).inserted {
        let needed = words[index + 1].split(separator: " ").map(String.init)
        let missing = needed.filter { !operations.contains($0) }
        if missing.isEmpty { state.served.append(words[index]) }
        state.missing.formUnion(missing)
      }
    }
  }

  /// Operations as Redis takes them: two runs are of one class where these texts are the same.
  static func text(of operations: Set<String>) -> String { operations.sorted().joined(separator: " ") }
}

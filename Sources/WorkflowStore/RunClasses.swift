import Hiredis
import Synchronization
import Workflow

/// The classes of runs, as learnt from a worker's claims: runs that require the same of a worker
/// (``WorkflowDefinition/requirements``) are of one class.
public final class RunClasses: Sendable {
  private struct State {
    /// How many classes there were at the last read.
    var count = 0
    /// Those whose requirements the worker meets, as claim.lua takes them: with priority and owner of their runs.
    var served: [String] = []
    /// What runs may require and the worker does not have, and is not logged yet.
    var missing: Set<String> = []
    var known: Set<String> = []
  }

  private let abilities: Set<String>
  private let state = Mutex(State())

  /// - Parameter abilities: the names of the operations that the worker has, and of the newer fields that it knows.
  public init(_ abilities: Set<String>) { self.abilities = abilities }

  /// What runs may require and the worker does not have; each is returned once.
  public func takeMissing() -> [String] {
    state.withLock { state in
      defer { state.missing = [] }
      return state.missing.sorted()
    }
  }

  /// The classes that the worker serves, and how many there were when it last looked.
  var served: (classes: [String], count: Int) { state.withLock { ($0.served, $0.count) } }

  /// Takes note of all classes there are: each class, and what its runs require.
  func learn(_ words: [String]) {
    state.withLock { state in
      state.count = words.count / 2
      for index in stride(from: 0, to: words.count - 1, by: 2) where state.known.insert(words[index]).inserted {
        let needed = words[index + 1].split(separator: " ").map(String.init)
        let missing = needed.filter { !abilities.contains($0) && !$0.hasPrefix("owner:") }
        if missing.isEmpty { state.served.append(words[index] + Self.mark(of: needed)) }
        state.missing.formUnion(missing)
      }
    }
  }

  /// What claim.lua is to know of a class: `+` for a high priority, `-` for a low one, else `=`; then the owner.
  private static func mark(of requirements: [String]) -> String {
    let owner = requirements.first { $0.hasPrefix("owner:") }?.dropFirst(6) ?? ""
    if requirements.contains(WorkflowDefinition.requirement(of: .high)) { return "+\(owner)" }
    return requirements.contains(WorkflowDefinition.requirement(of: .low)) ? "-\(owner)" : "=\(owner)"
  }

  /// Requirements as Redis takes them: two runs are of one class where these texts are the same.
  static func text(of requirements: Set<String>) -> String { requirements.sorted().joined(separator: " ") }
}

import Synchronization
import Workflow

/// Says, while models are called, which of them have not answered yet.
final class WaitingCalls: Sendable {
  private let names: Mutex<[String]>

  init(_ names: [String]) { self.names = Mutex(names) }

  /// A call of a model has ended.
  func end(_ name: String) {
    names.withLock { names in
      if let index = names.firstIndex(of: name) { names.remove(at: index) }
    }
  }

  /// Says so on standard error until its task is cancelled.
  func remind(every interval: Duration) async {
    let start = ContinuousClock.now
    while (try? await Task.sleep(for: interval)) != nil {
      let waiting = names.withLock { $0 }
      if waiting.isEmpty { return }
      Terminal.say("wf: waiting for \(waiting.joined(separator: ", ")) for \((.now - start).inSeconds)")
    }
  }
}

import LinuxSupport
import Synchronization

/// Where commands wait that cannot be sent for the time being, and the thread that sends them again.
final class ClusterParking: Sendable {
  /// That of the process.
  static let shared = ClusterParking()

  private struct Entry {
    let call: RoutedCall
    let until: MonotonicInstant
  }

  private struct State {
    var entries: [Entry] = []
    var isRunning = false
  }

  private let state = Mutex(State())
  private let waker: Waker

  private init() {
    do { waker = try Waker() } catch { fatalError("\(error): raise the limit of descriptors (LimitNOFILE)") }
  }

  /// Keeps a command for its pause, but not past its deadline, and sends it then.
  func hold(_ call: RoutedCall) {
    let until = min(.now + call.pause, call.deadline)
    let mustStart = state.withLock { state in
      state.entries.append(Entry(call: call, until: until))
      defer { state.isRunning = true }
      return !state.isRunning
    }
    waker.wake()
    guard mustStart else { return }
    do {
      try SystemThread.detach(name: "redis-wait") { [self] in run() }
    } catch {
      fatalError("no thread for commands that wait: \(error): raise the limit of threads (TasksMax)")
    }
  }

  private func run() {
    while true {
      let now = MonotonicInstant.now
      let (due, next) = state.withLock { state in
        // In their order.
        let due = state.entries.filter { $0.until <= now }
        state.entries.removeAll { $0.until <= now }
        return (due, state.entries.lazy.map(\.until).min())
      }
      for entry in due {
        if entry.call.deadline <= now { entry.call.expire() } else { entry.call.send() }
      }
      if !due.isEmpty { continue }
      _ = waker.wait(milliseconds: next.map { Int32((max($0 - now, .zero) / .milliseconds(1)).rounded(.up)) } ?? -1)
      waker.drain()
    }
  }
}

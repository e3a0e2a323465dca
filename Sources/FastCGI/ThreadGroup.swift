import CFastCGI
import Glibc
import Synchronization

/// Threads for calls that block, which Swift's own few threads must not make.
final class ThreadGroup: Sendable {
  private struct State {
    var running = 0
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private let state = Mutex(State())

  /// Runs the body on a thread of its own, with all signals blocked: libfcgi takes an interrupted write for an error.
  ///
  /// - Parameter name: at most 15 bytes, for `top -H` and debuggers
  func start(_ name: String, _ body: @escaping @Sendable () -> Void) throws(FastCGIError) {
    state.withLock { $0.running += 1 }
    let job = Unmanaged.passRetained(Job(name: name, body: body, group: self))
    var everySignal = sigset_t()
    var before = sigset_t()
    sigfillset(&everySignal)
    // Blocked here already, so that the thread inherits it and there is no moment without.
    pthread_sigmask(SIG_SETMASK, &everySignal, &before)
    var thread = pthread_t()
    let code = pthread_create(&thread, nil, runJob, job.toOpaque())
    pthread_sigmask(SIG_SETMASK, &before, nil)
    guard code == 0 else {
      job.release()
      threadEnded()
      throw .system(call: "pthread_create", code: code)
    }
    pthread_detach(thread)
  }

  /// Returns when every thread that was started has returned.
  func ended() async {
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if state.running > 0 { state.waiting.append(continuation) }
        return state.running == 0
      }
      if isOver { continuation.resume() }
    }
  }

  fileprivate func threadEnded() {
    let waiting = state.withLock { state in
      state.running -= 1
      guard state.running == 0 else { return [CheckedContinuation<Void, Never>]() }
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume() }
  }
}

/// What a new thread is given.
private final class Job: Sendable {
  let name: String
  let body: @Sendable () -> Void
  let group: ThreadGroup

  init(name: String, body: @escaping @Sendable () -> Void, group: ThreadGroup) {
    self.name = name
    self.body = body
    self.group = group
  }
}

private func runJob(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  let job = Unmanaged<Job>.fromOpaque(argument).takeRetainedValue()
  _ = pthread_setname_np(pthread_self(), job.name)
  job.body()
  job.group.threadEnded()
  return nil
}

import Glibc

/// A thread that no signal interrupts: they go to the process's other threads, and SIGPIPE goes nowhere.
struct SignalFreeThread: Sendable {
  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// To be joined or detached once.
  let thread: pthread_t

  /// Starts the thread; the threads it starts inherit the signal mask.
  init(_ run: @escaping @Sendable () -> Void) {
    var previous = sigset_t()
    var blocked = Self.blockedSignals()
    pthread_sigmask(SIG_SETMASK, &blocked, &previous)  // before the start, so that there is no moment without it
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    var thread = pthread_t()
    let body = Unmanaged.passRetained(Body(run)).toOpaque()
    let code = pthread_create(&thread, nil, Self.main, body)
    precondition(code == 0, "no thread can be started: error \(code)")
    self.thread = thread
  }

  /// Waits for the thread's end. To be called once.
  func join() { pthread_join(thread, nil) }

  /// All but those that a fault raises: with them blocked a crash would leave no backtrace.
  private static func blockedSignals() -> sigset_t {
    var signals = sigset_t()
    sigfillset(&signals)
    for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS] { sigdelset(&signals, fault) }
    return signals
  }

  private static let main: @convention(c) @Sendable (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { body in
    if let body { Unmanaged<Body>.fromOpaque(body).takeRetainedValue().run() }
    return nil
  }
}

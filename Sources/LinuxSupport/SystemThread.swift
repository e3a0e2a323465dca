import CLinux
import Glibc

/// A POSIX thread, for calls that block: Swift's cooperative threads are too few for those.
///
/// No signal reaches it, except those that its own faults raise, so that a crash leaves a backtrace: hiredis,
/// libcurl, libfcgi and the resolver take an interrupted call for a failed one, and a write to a closed socket raises
/// SIGPIPE.
public struct SystemThread: Sendable {
  private final class Body: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }

  private let thread: pthread_t

  /// Starts a thread that `join()` waits for; one that nothing joins is started by `detach(name:_:)`.
  /// - Parameter name: for `top -H` and debuggers; the kernel keeps 15 bytes.
  /// - Throws: `EAGAIN` when the process may have no more threads.
  public init(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemCallError) {
    var previous = sigset_t()
    var blocked = Self.blockedSignals
    // Before the start: the thread inherits the mask, so there is no moment without it.
    pthread_sigmask(SIG_SETMASK, &blocked, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(Body(name: name, run: body))
    let code = pthread_create(&thread, nil, Self.main, argument.toOpaque())
    guard code == 0 else {
      argument.release()
      throw SystemCallError("pthread_create", code: code)
    }
    self.thread = thread
  }

  /// Starts a thread that nothing waits for.
  /// - Parameter name: for `top -H` and debuggers; the kernel keeps 15 bytes.
  /// - Throws: `EAGAIN` when the process may have no more threads.
  public static func detach(name: String, _ body: @escaping @Sendable () -> Void) throws(SystemCallError) {
    pthread_detach(try SystemThread(name: name, body).thread)
  }

  /// Waits for the thread's end. Must be called exactly once.
  public func join() { pthread_join(thread, nil) }

  /// Whether it is the calling thread, which cannot wait for itself.
  public var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }

  /// Lets it end without anyone who joins it.
  public func detach() { pthread_detach(thread) }

  private static var blockedSignals: sigset_t {
    var signals = sigset_t()
    sigfillset(&signals)
    for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS] { sigdelset(&signals, fault) }
    return signals
  }

  private static let main: @convention(c) @Sendable (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { body in
    guard let body else { return nil }
    let thread = Unmanaged<Body>.fromOpaque(body).takeRetainedValue()
    _ = clinux_set_thread_name(thread.name)
    thread.run()
    return nil
  }
}

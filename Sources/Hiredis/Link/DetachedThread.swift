import CHiredis
import Glibc

/// A thread of our own, for calls that block: Swift's cooperative threads are too few to lend out.
enum DetachedThread {
  private final class Body: Sendable {
    let name: String
    let run: @Sendable () -> Void

    init(name: String, run: @escaping @Sendable () -> Void) {
      self.name = name
      self.run = run
    }
  }

  /// Starts a thread that no signal reaches: hiredis and the resolver take an interrupted call for a failed one, and a
  /// write to a closed socket raises SIGPIPE.
  ///
  /// Of the name the kernel keeps 15 bytes.
  static func start(name: String, _ run: @escaping @Sendable () -> Void) throws(LinkFailure) {
    var everySignal = sigset_t()
    var before = sigset_t()
    sigfillset(&everySignal)
    pthread_sigmask(SIG_SETMASK, &everySignal, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    var thread = pthread_t()
    let body = Unmanaged.passRetained(Body(name: name, run: run))
    let status = pthread_create(&thread, nil, main, body.toOpaque())
    guard status == 0 else {
      body.release()
      throw LinkFailure("cannot start the thread \(name)", errno: status)
    }
    pthread_detach(thread)
  }

  private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
    guard let argument else { return nil }
    let body = Unmanaged<Body>.fromOpaque(argument).takeRetainedValue()
    _ = set_thread_name(body.name)
    body.run()
    return nil
  }
}

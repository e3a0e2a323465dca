import LinuxSupport
import Logging
import Synchronization

/// The threads that wait for connections and requests, all on one epoll.
///
/// A thread reads the request whose event it received, and runs the handler until that first suspends. Reading blocks,
/// but only briefly with a web server that sends whole requests. When slow peers have blocked all threads for
/// `longestBlock`, another one is started. It ends once another one is free.
final class Reactor: Sendable {
  private struct Pool {
    var size = 0
    var reading = 0
    /// Since the last call of `growIfStuck`.
    var hasFinishedReading = false
  }

  private let epoll: Epoll
  private let acceptor: Acceptor
  private let responder: Responder
  private let stopped: Waker
  private let threads: ThreadGroup
  private let sizes: ClosedRange<Int>
  private let logger: Logger
  private let pool = Mutex(Pool())

  /// How long all threads may be blocked before another one is started.
  static let longestBlock = Duration.milliseconds(10)
  /// Goes off while requests are being read: `growIfStuck` must then be called.
  let alarm: Alarm

  /// - Parameters:
  ///   - stopped: ends the threads.
  ///   - sizes: the fewest and the most threads.
  init(
    epoll: Epoll, acceptor: Acceptor, responder: Responder, stopped: Waker, threads: ThreadGroup,
    sizes: ClosedRange<Int>, logger: Logger
  ) throws(FastCGIError) {
    self.epoll = epoll
    self.acceptor = acceptor
    self.responder = responder
    self.stopped = stopped
    self.threads = threads
    self.sizes = sizes
    self.logger = logger
    do { alarm = try Alarm(after: Self.longestBlock) } catch { throw FastCGIError(error) }
  }

  /// Starts the threads, then accepting.
  func start() throws(FastCGIError) {
    guard epoll.add(stopped.descriptor, .readable) else { throw .lastSystemError("epoll_ctl") }
    for _ in 0..<sizes.lowerBound { try startThread() }
    try acceptor.start()
  }

  /// Starts another thread if all of them are reading and none has finished a request since the last call.
  func growIfStuck() {
    alarm.drain()
    let (isReading, isStuck) = pool.withLock { pool in
      defer { pool.hasFinishedReading = false }
      let isStuck = pool.reading == pool.size && !pool.hasFinishedReading && pool.size < sizes.upperBound
      return (pool.reading > 0, isStuck)
    }
    if isReading { alarm.set() }
    guard isStuck else { return }
    do {
      try startThread()
      logger.debug("slow peers block every reactor thread: one more started")
    } catch {
      logger.error("cannot start a reactor thread", metadata: ["reason": "\(error)"])
    }
  }

  private func startThread() throws(FastCGIError) {
    pool.withLock { $0.size += 1 }
    do {
      try threads.start("fcgi-reactor") { self.run() }
    } catch {
      pool.withLock { $0.size -= 1 }
      throw error
    }
  }

  private func run() {
    let jobs = JobQueue()
    var isNeeded = true
    while isNeeded {
      guard let event = epoll.wait() else { continue }
      switch event.descriptor {
      case stopped.descriptor: return
      case acceptor.descriptor: acceptor.acceptPending()
      default: isNeeded = read(event.descriptor)
      }
      jobs.runReadyJobs()
    }
  }

  /// Reads a request, blocking.
  /// - Returns: false if enough other threads are free: the calling one has left the pool and must end.
  private func read(_ descriptor: Int32) -> Bool {
    pool.withLock { $0.reading += 1 }
    alarm.set()
    responder.serve(descriptor)
    return pool.withLock { pool in
      pool.reading -= 1
      pool.hasFinishedReading = true
      guard pool.size - pool.reading > sizes.lowerBound else { return true }
      pool.size -= 1
      return false
    }
  }
}

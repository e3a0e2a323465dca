import LinuxSupport
import Logging
import Synchronization

/// The threads that wait for connections and requests, all on one epoll.
///
/// A thread reads the request whose event it received, and runs the handler until that first suspends. Reading blocks,
/// but only briefly with a web server that sends whole requests. While slow peers block all threads, another one is
/// started.
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

  /// - Parameters:
  ///   - stopped: ends the threads.
  ///   - sizes: the fewest and the most threads.
  init(
    epoll: Epoll, acceptor: Acceptor, responder: Responder, stopped: Waker, threads: ThreadGroup,
    sizes: ClosedRange<Int>, logger: Logger
  ) {
    self.epoll = epoll
    self.acceptor = acceptor
    self.responder = responder
    self.stopped = stopped
    self.threads = threads
    self.sizes = sizes
    self.logger = logger
  }

  /// Starts the threads, then accepting.
  func start() throws(FastCGIError) {
    guard epoll.add(stopped.descriptor, .readable) else { throw .lastSystemError("epoll_ctl") }
    for _ in 0..<sizes.lowerBound { try startThread() }
    try acceptor.start()
  }

  /// Starts another thread if all of them are reading and none has finished a request since the last call.
  func growIfStuck() {
    let isStuck = pool.withLock { pool in
      defer { pool.hasFinishedReading = false }
      return pool.reading == pool.size && !pool.hasFinishedReading && pool.size < sizes.upperBound
    }
    guard isStuck else { return }
    do {
      try startThread()
      logger.notice("slow peers block every reactor thread: one more started")
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
    while true {
      guard let event = epoll.wait(timeout: idleTimeout) else {
        if leavePool() { return }
        continue
      }
      switch event.descriptor {
      case stopped.descriptor: return
      case acceptor.descriptor: acceptor.acceptPending()
      default: read(event.descriptor)
      }
      jobs.runReadyJobs()
    }
  }

  private func read(_ descriptor: Int32) {
    pool.withLock { $0.reading += 1 }
    responder.serve(descriptor)
    pool.withLock { pool in
      pool.reading -= 1
      pool.hasFinishedReading = true
    }
  }

  /// In milliseconds: -1 (none), unless there are more threads than the minimum.
  private var idleTimeout: Int32 { pool.withLock { $0.size > sizes.lowerBound ? 1000 : -1 } }

  /// Removes the calling thread if there are more than the minimum.
  /// - Returns: whether the thread must end.
  private func leavePool() -> Bool {
    pool.withLock { pool in
      guard pool.size > sizes.lowerBound else { return false }
      pool.size -= 1
      return true
    }
  }
}
